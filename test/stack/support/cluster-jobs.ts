import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster, ClusterOptions } from '../../../testing/index.js';
import { harnessDirectory } from '../../../sdk/dev/setup/locations.mjs';
import type { WorkerConfigInput } from '../../../workers/config.js';
import { ANNOTATIONS, LABELS } from '../../../activities/compute/kubernetes/marks.js';
import { DEPLOYMENT, workerRules } from '../../support/kustomize.js';
import { testPython } from '../../support/mlflow-server.js';
import { stackWorkerConfig } from './worker-process.js';

type Target = Extract<WorkerConfigInput['compute']['targets'][string], { kind: 'kubernetes' }>;

const shipped = JSON.parse(await readFile(join(DEPLOYMENT, 'worker.json'), 'utf8')) as {
  compute: { targets: { cluster: Target & { namespaces: { critical: string } } } };
};
const target = shipped.compute.targets.cluster;

/** By tier: the deployment's, and one that a team adds for its experiments. */
export const NAMESPACES = {
  ...target.namespaces,
  experimental: 'modelyard-jobs-experimental',
};

/** The real harness behind the name that the deployment's image has. */
export const harnessImage = async (): Promise<ClusterOptions['images']> => ({
  [target.image]: {
    command: [await testPython(), '-m', 'modelyard'],
    env: { PYTHONPATH: harnessDirectory() },
  },
});

export interface Deployed {
  config: WorkerConfigInput;
  /** Holds the worker's kubeconfig; a folder of its own. */
  folder: string;
  /** The worker's account, as the audit log names it. */
  user: string;
}

/** Makes what deploy/kubernetes makes for jobs, and the configuration of a worker that has its Role and no other right. */
export async function deployJobs(cluster: Cluster): Promise<Deployed> {
  const namespaces = Object.values<string>(NAMESPACES);
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  for (const namespace of ['modelyard', ...namespaces])
    await cluster.createNamespace(namespace, restricted);
  for (const namespace of namespaces)
    await cluster.api.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
      metadata: { name: target.serviceAccount },
    });
  const { user, kubeconfig } = await cluster.createAccount({
    name: 'modelyard-worker',
    namespace: 'modelyard',
    rules: workerRules(target.namespaces.standard),
    in: namespaces,
  });
  const folder = await mkdtemp(join(tmpdir(), 'modelyard-worker-'));
  const file = join(folder, 'kubeconfig');
  await writeFile(file, kubeconfig);
  const config = {
    ...(await stackWorkerConfig()),
    compute: {
      default: 'cluster',
      targets: {
        cluster: { ...target, cluster: { kubeconfig: file }, namespaces: NAMESPACES },
      },
    },
  };
  return { config, folder, user };
}

export interface JobSeen {
  namespace: string;
  step: string | undefined;
  /** 'Complete' or 'Failed'; null while it has not ended. */
  ended: string | null;
  pods: number;
}

interface Listed {
  metadata: {
    namespace: string;
    name: string;
    uid: string;
    creationTimestamp: string;
    annotations?: Record<string, string>;
    ownerReferences?: { uid: string }[];
  };
}
interface ListedJob extends Listed {
  spec: { template: { spec: { containers: { args?: string[] }[] } } };
  status: { conditions?: { type: string; status: string }[] };
}

/** Every Job that a run made and that is still there, in any namespace, oldest first. */
export async function jobsOfRun(cluster: Cluster, workflowId: string): Promise<JobSeen[]> {
  const jobs = await listed<ListedJob>(cluster, JOBS);
  const pods = await listed(cluster, PODS);
  return jobs
    .filter(({ metadata }) => metadata.annotations?.[ANNOTATIONS.owner] === workflowId)
    .sort((a, b) => createdAt(a) - createdAt(b))
    .map((job) => ({
      namespace: job.metadata.namespace,
      step: job.spec.template.spec.containers[0]?.args?.[0],
      ended: endOf(job),
      pods: pods.filter(
        ({ metadata: { ownerReferences: [owner] = [] } }) => owner?.uid === job.metadata.uid,
      ).length,
    }));
}

/** The names of all Jobs and pods of a tag, in any namespace. */
export async function objectsOf(cluster: Cluster, tag: string): Promise<string[]> {
  const query = `?labelSelector=${encodeURIComponent(`${LABELS.tag}=${tag}`)}`;
  const found = await Promise.all([JOBS, PODS].map((path) => listed(cluster, path + query)));
  return found.flat().map(({ metadata: { namespace, name } }) => `${namespace}/${name}`);
}

const JOBS = '/apis/batch/v1/jobs';
const PODS = '/api/v1/pods';

const listed = async <T extends Listed = Listed>({ api }: Cluster, path: string): Promise<T[]> =>
  (await api.get<{ items: T[] }>(path)).items;

const createdAt = ({ metadata }: Listed): number => Date.parse(metadata.creationTimestamp);

function endOf({ status: { conditions = [] } }: ListedJob): string | null {
  const ends = ['Complete', 'Failed'];
  const end = conditions.find(({ type, status }) => status === 'True' && ends.includes(type));
  return end?.type ?? null;
}
