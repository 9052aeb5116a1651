import canonicalize from 'canonicalize';
import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { ArtifactProxy } from './artifact-proxy.js';

/** Definitions by digest, so that the digest on a run or a version still leads to the text years later. */
export interface DefinitionStore {
  keep(definition: ModelDefinition, digest: string): Promise<void>;
}

export function createDefinitionStore(proxy: ArtifactProxy): DefinitionStore {
  const kept = new Set<string>();
  return {
    async keep(definition, digest) {
      if (kept.has(digest)) return;
      const path = `modelyard/definitions/${digest.replace('sha256:', '')}.json`;
      const content = new TextEncoder().encode(canonicalize(definition) ?? 'null');
      // A shorter one is the rest of an upload that broke off.
      if ((await proxy.size(path)) !== content.byteLength) await proxy.put(path, content);
      kept.add(digest);
    },
  };
}
