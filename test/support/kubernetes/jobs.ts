import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchV1Api,
  CoreV1Api,
  type V1Job,
  type V1JobCondition,
  type V1JobSpec,
  type V1Pod,
  type V1PodSpec,
} from '@kubernetes/client-node';
import type { Cluster } from '../../../testing/index.js';
import { clientOf } from './cluster.js';

/** An image whose arguments are a shell script. */
export const SHELL = 'registry.test/shell:1';
export const SHELL_IMAGES = { [SHELL]: { command: ['/bin/sh', '-c'] } };

/** Of an admission policy: that it is asked about every Job that is made. */
export const CREATES_OF_JOBS = {
  resourceRules: [
    { apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] },
  ],
};

export interface JobChanges {
  job?: Partial<V1JobSpec>;
  pod?: Partial<V1PodSpec>;
  container?: Partial<V1PodSpec['containers'][number]>;
  annotations?: Record<string, string>;
}

/** A Job as the platform makes them: nothing is tried again, disruptions are ignored, and 64 to 79 are the user's. */
export function shellJob(name: string, script: string, changes: JobChanges = {}): V1Job {
  const container = { name: 'main', image: SHELL, args: [script], ...changes.container };
  const { annotations = {} } = changes;
  return {
    metadata: { name },
    spec: {
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { operator: 'In', values: [64, 70, 79] } },
        ],
      },
      ...changes.job,
      template: {
        metadata: { annotations },
        spec: { restartPolicy: 'Never', ...changes.pod, containers: [container] },
      },
    },
  };
}

/** What tests do with the Jobs of one namespace, as an admin. */
export interface Jobs {
  batch: BatchV1Api;
  core: CoreV1Api;
  create: (job: V1Job) => Promise<void>;
  /** The Job's last condition, when it is Complete or Failed. */
  endOf: (name: string) => Promise<V1JobCondition>;
  podsOf: (name: string) => Promise<V1Pod[]>;
  /** The first pod of the Job that is so. */
  pod: (name: string, is: (pod: V1Pod) => boolean) => Promise<V1Pod>;
}

export function jobsIn(cluster: Cluster, namespace: string): Jobs {
  const client = clientOf(cluster);
  const [batch, core] = [client.makeApiClient(BatchV1Api), client.makeApiClient(CoreV1Api)];
  const podsOf = async (name: string): Promise<V1Pod[]> => {
    const labelSelector = `batch.kubernetes.io/job-name=${name}`;
    return (await core.listNamespacedPod({ namespace, labelSelector })).items;
  };
  return {
    batch,
    core,
    podsOf,
    create: async (body) => {
      await batch.createNamespacedJob({ namespace, body });
    },
    endOf: (name) =>
      until(`${name} to end`, async () => {
        const { status } = await batch.readNamespacedJob({ namespace, name });
        return status?.conditions?.find(
          ({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed'),
        );
      }),
    pod: (name, is) =>
      until(`a pod of ${name} to be so: ${is.toString()}`, async () =>
        (await podsOf(name)).find(is),
      ),
  };
}

export const isRunning = ({ status }: V1Pod): boolean => status?.phase === 'Running';
export const mainOf = ({ status }: V1Pod) => status?.containerStatuses?.[0]?.state;

const ATTEMPTS = 400;

export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await delay(100);
  }
  throw new Error(`expected ${what} within 40 s`);
}
