import type {
  V1ContainerState,
  V1Job,
  V1JobCondition,
  V1Pod,
  V1PodCondition,
  V1PodStatus,
} from '@kubernetes/client-node';
import { NOW } from './settings.js';

const at = (ms: number): Date => new Date(NOW + ms);

/** A Job made at NOW. */
export function jobObject(of: {
  conditions?: (Pick<V1JobCondition, 'type'> & Partial<V1JobCondition>)[];
  suspend?: boolean;
  startedMs?: number;
  deleting?: boolean;
  annotations?: Record<string, string>;
}): V1Job {
  const conditions = of.conditions?.map((each): V1JobCondition => ({ status: 'True', ...each }));
  return {
    metadata: {
      name: 'job-1',
      namespace: 'ml',
      uid: 'job-uid',
      creationTimestamp: at(0),
      annotations: of.annotations ?? {},
      ...(of.deleting === true && { deletionTimestamp: at(0) }),
    },
    spec: { suspend: of.suspend ?? false, template: {} },
    status: {
      ...(conditions && { conditions }),
      ...(of.startedMs !== undefined && { startTime: at(of.startedMs) }),
    },
  };
}

/** A pod of it, with the state of its one container. */
export function podObject(of: {
  name?: string;
  owner?: string;
  madeMs?: number;
  phase?: string;
  state?: V1ContainerState;
  init?: Record<string, V1ContainerState>;
  status?: Partial<V1PodStatus>;
  conditions?: (Pick<V1PodCondition, 'type'> & Partial<V1PodCondition>)[];
  deletingMs?: number;
}): V1Pod {
  const { name = 'pod-1', state } = of;
  const container = { image: '', imageID: '', ready: false, restartCount: 0 };
  return {
    metadata: {
      name,
      uid: `${name}-uid`,
      creationTimestamp: at(of.madeMs ?? 0),
      ownerReferences: [{ uid: of.owner ?? 'job-uid', apiVersion: '', kind: 'Job', name: 'job-1' }],
      ...(of.deletingMs !== undefined && { deletionTimestamp: at(of.deletingMs) }),
    },
    spec: { nodeName: 'node-1', containers: [] },
    status: {
      phase: of.phase ?? 'Pending',
      conditions: (of.conditions ?? []).map((each) => ({ status: 'True', ...each })),
      ...(state && { containerStatuses: [{ ...container, name: 'main', state }] }),
      ...(of.init && {
        initContainerStatuses: Object.entries(of.init).map(([key, value]) => ({
          ...container,
          name: key,
          state: value,
        })),
      }),
      ...of.status,
    },
  };
}

export const waiting = (reason: string, message = ''): V1ContainerState => ({
  waiting: { reason, message },
});
export const running = (sinceMs = 0): V1ContainerState => ({ running: { startedAt: at(sinceMs) } });

/** Ended three seconds after it began. */
export const terminated = (
  exitCode: number,
  message?: string,
  reason = 'Error',
): V1ContainerState => ({
  terminated: {
    exitCode,
    reason,
    startedAt: at(1000),
    finishedAt: at(4000),
    ...(message !== undefined && { message }),
  },
});
