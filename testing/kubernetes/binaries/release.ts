import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The programs a control plane is made of. */
export const PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
] as const;
export type Program = (typeof PROGRAMS)[number];

/** What a module pins: releases with their `v`, and a digest of all it pins. */
export interface Release {
  kubernetes: string;
  etcd: string;
  digest: string;
}

/** Reads what go.mod and go.sum of `module` pin. */
export function releaseOf(module: string): Release {
  const [mod, sum] = ['go.mod', 'go.sum'].map((name) => readFileSync(join(module, name), 'utf8'));
  const versionOf = (path: string): string => {
    const version = new RegExp(`^\\s*${path} (v\\S+)`, 'm').exec(mod ?? '')?.[1];
    if (version === undefined)
      throw new Error(`expected ${join(module, 'go.mod')} to require ${path}; restore the file`);
    return version;
  };
  return {
    kubernetes: versionOf('k8s.io/kubernetes'),
    etcd: versionOf('go.etcd.io/etcd/server/v3'),
    digest: createHash('sha256')
      .update(mod ?? '')
      .update(sum ?? '')
      .digest('hex'),
  };
}
