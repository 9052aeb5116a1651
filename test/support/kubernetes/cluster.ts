import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import {
  obtainControlPlane,
  startCluster,
  type Cluster,
  type ClusterOptions,
} from '../../../testing/index.js';

/** The programs may have to be built first. */
export const START_TIMEOUT_MS = 1_800_000;

/**
 * One cluster for the tests of a file. Where no control plane is to be had, they are skipped with the reason; where CI is
 * set, they fail with it.
 *
 * ```ts
 * const cluster = useCluster({ images: {} });
 * it('makes a namespace', () => cluster().createNamespace('jobs'));
 * ```
 */
export function useCluster(options: ClusterOptions): () => Cluster {
  let cluster: Cluster | undefined;
  let missing: string | undefined;
  beforeAll(async () => {
    const found = await controlPlane();
    if ('missing' in found) ({ missing } = found);
    else cluster = await startCluster({ report: console.info, ...options, ...found });
  }, START_TIMEOUT_MS);
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  afterAll(() => cluster?.stop());
  return () => {
    if (!cluster) throw new Error('expected a cluster: it is there in tests and hooks only');
    return cluster;
  };
}

/** The folder of the programs, or why there is none. Throws that where CI is set. */
export async function controlPlane(): Promise<{ binaries: string } | { missing: string }> {
  try {
    return { binaries: await obtainControlPlane({ report: console.info }) };
  } catch (error) {
    if (process.env['CI'] || !(error instanceof Error) || error.name !== 'SetupError') throw error;
    console.log(`tests on a cluster are skipped: ${error.message}`);
    return { missing: error.message };
  }
}

/** A client's configuration of what somebody's kubeconfig says. */
export function clientOf({ kubeconfig }: { readonly kubeconfig: string }): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}
