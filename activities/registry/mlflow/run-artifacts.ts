import canonicalize from 'canonicalize';
import { mlflowArtifactPath } from '../../artifacts/uri.js';
import { unanswered } from './client.js';
import { boundedBody } from './bounded-body.js';
import type { ArtifactProxy } from './artifact-proxy.js';

const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** JSON documents below a run's artifact root. The same content writes the same bytes. */
export interface RunArtifacts {
  write(artifactUri: string, documents: Record<string, unknown>): Promise<void>;
  /** undefined when there is none. */
  read(artifactUri: string, path: string): Promise<unknown>;
}

export function createRunArtifacts(proxy: ArtifactProxy): RunArtifacts {
  return {
    async write(artifactUri, documents) {
      const writes = Object.entries(documents).map(async ([path, document]) => {
        const content = new TextEncoder().encode(canonicalize(document) ?? 'null');
        await proxy.put(`${mlflowArtifactPath(artifactUri)}/${path}`, content);
      });
      await Promise.all(writes);
    },
    async read(artifactUri, path) {
      const stream = await proxy.get(`${mlflowArtifactPath(artifactUri)}/${path}`);
      if (stream === null) return undefined;
      return await boundedBody(new Response(stream), MAX_JSON_BYTES)
        .json()
        .catch((error: unknown) => {
          throw unanswered(`read artifact ${path} of ${artifactUri}`, error);
        });
    },
  };
}
