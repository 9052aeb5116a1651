import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createArtifacts } from '../../../activities/artifacts/store.js';
import {
  createKubernetesCompute,
  type KubernetesCompute,
  type KubernetesComputeOptions,
} from '../../../activities/compute/kubernetes.js';
import type { JobObservation, JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { isFailure } from '../../../temporal/errors.js';
import type { Patience } from '../../../activities/compute/kubernetes/retry.js';
import type { Account } from '../../../testing/kubernetes/control-plane.js';
import type { RoleRule } from '../../../testing/kubernetes/service-account.js';
import type { Cluster, ComputeUnderTest } from '../../../testing/index.js';
import { workerRules } from '../../support/kustomize.js';
import { standInJob, type StandInScript } from './stand-in-job.js';

const HARNESS = `registry.test/harness@sha256:${'ab'.repeat(32)}`;
/** A shell that runs its arguments, in a team's own image's place. */
export const TEAM = `registry.test/team/train@sha256:${'cd'.repeat(32)}`;
/** One of the deployment's. */
export const JOB_NAMESPACE = 'modelyard-jobs';
/** What the worker's Role allows there. */
export const ROLE = workerRules(JOB_NAMESPACE);

/** What the names of the workers' accounts begin with. */
export const WORKER = 'worker-of-';

/** The stand-in program in the harness's place. */
export const IMAGES = {
  [HARNESS]: {
    command: ['python3', '-m', 'modelyard'],
    env: { PYTHONPATH: fileURLToPath(new URL('stand-in', import.meta.url)) },
  },
  [TEAM]: { command: ['/bin/sh', '-c'] },
};

export interface KubernetesStand extends ComputeUnderTest, AsyncDisposable {
  readonly compute: KubernetesCompute;
  readonly options: KubernetesComputeOptions;
  readonly namespace: string;
  /** A folder that goes with it. */
  readonly base: string;
  readonly job: (script: StandInScript, changes?: Partial<JobSpec>) => JobSpec;
  /** The adapter over another server that stands before the apiserver, or with other options. */
  readonly through: (
    server: string | undefined,
    changes?: Partial<KubernetesComputeOptions>,
    patience?: Patience,
  ) => Promise<KubernetesCompute>;
  readonly account: Account;
  readonly end: (ref: JobRef, by?: KubernetesCompute) => Promise<JobObservation>;
}

/** A namespace of its own in the cluster, and a worker that may do there what the Role says. */
export async function makeKubernetesStand(
  cluster: Cluster,
  rules: readonly RoleRule[] = ROLE,
): Promise<KubernetesStand> {
  const namespace = `jobs-${randomUUID().slice(0, 8)}`;
  await cluster.createNamespace(namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' });
  // Of another namespace, as a worker is: it outlives that of its jobs.
  const account = await cluster.createAccount({
    name: `${WORKER}${namespace}`,
    namespace: 'default',
    rules,
    in: [namespace],
  });
  const base = await mkdtemp(join(tmpdir(), 'modelyard-kubernetes-'));
  const events = join(base, 'events');
  const open: KubernetesCompute[] = [];
  const kubeconfig = join(base, 'kubeconfig');
  await writeFile(kubeconfig, account.kubeconfig);
  const options = optionsOf(namespace, kubeconfig, pathToFileURL(base).href);
  const through: KubernetesStand['through'] = async (server, changes = {}, patience) => {
    const other = join(base, randomUUID());
    await writeFile(
      other,
      server === undefined ? account.kubeconfig : at(account.kubeconfig, server),
    );
    const compute = createKubernetesCompute(
      { ...options, cluster: { kubeconfig: other }, ...changes },
      patience,
    );
    open.push(compute);
    return compute;
  };
  const compute = createKubernetesCompute(options);
  open.push(compute);
  const dispose = async (): Promise<void> => {
    await Promise.all(open.map((each) => each.close()));
    // One of the tests has done that already.
    await cluster.api.delete(`/api/v1/namespaces/${namespace}`).catch(() => undefined);
    await rm(base, { recursive: true, force: true, maxRetries: 3 });
  };
  return {
    compute,
    options,
    namespace,
    base,
    dispose,
    [Symbol.asyncDispose]: dispose,
    through,
    another: () => through(undefined),
    job: (script, changes = {}) => standInJob(script, events, changes),
    timesRun: async ({ name }) => begun(await readFile(events, 'utf8').catch(() => ''), name),
    account,
    end: (ref, by = compute) => endOf(by, ref),
  };
}

function optionsOf(
  namespace: string,
  kubeconfig: string,
  results: string,
): KubernetesComputeOptions {
  return {
    cluster: { kubeconfig },
    namespaces: { standard: namespace },
    image: HARNESS,
    results,
    registry: { trackingUri: 'http://127.0.0.1:5000', allowedTypes: [] },
    classes: { cpu: { cpu: 0.05, memoryMiB: 128, gpu: 0 } },
    artifacts: createArtifacts({
      trackingUri: 'http://127.0.0.1:5000',
      roots: [results],
      auth: () => ({ kind: 'none' }),
    }),
    images: ['registry.test/team'],
  };
}

const begun = (text: string, job: string): number =>
  text.split('\n').filter((line) => line.startsWith(`begin ${job} `)).length;

interface Kubeconfig {
  clusters: { cluster: Record<string, unknown> }[];
  users: { user: Record<string, unknown> }[];
}

export function at(kubeconfig: string, server: string): string {
  const config = JSON.parse(kubeconfig) as Kubeconfig;
  for (const { cluster } of config.clusters) {
    cluster['server'] = server;
    if (!server.startsWith('http:')) continue;
    delete cluster['certificate-authority-data'];
    cluster['insecure-skip-tls-verify'] = true;
  }
  return JSON.stringify(config);
}

export function withToken(kubeconfig: string, token: string): string {
  const config = JSON.parse(kubeconfig) as Kubeconfig;
  for (const { user } of config.users) user['token'] = token;
  return JSON.stringify(config);
}

export async function endOf(compute: KubernetesCompute, ref: JobRef): Promise<JobObservation> {
  return eventually(`the end of ${ref.name}`, async () => {
    const seen = await compute.observe(ref).catch((error: unknown) => {
      if (isFailure(error, 'ComputeUnavailable')) return undefined;
      throw error;
    });
    return seen !== undefined && ['succeeded', 'failed', 'vanished'].includes(seen.phase)
      ? seen
      : undefined;
  });
}

export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 90_000; Date.now() < end;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await sleep(50);
  }
  throw new Error(`expected ${what} within 90 s`);
}
