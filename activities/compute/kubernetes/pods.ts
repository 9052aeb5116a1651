import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

/** How the container that decided the pod's end ended. */
export interface ContainerEnd {
  readonly container: string;
  readonly exitCode: number;
  readonly signal: number | undefined;
  /** `OOMKilled`, `Error`, `Completed`, `StartError`, `ContainerStatusUnknown`, … */
  readonly reason: string;
  readonly message: string | undefined;
  readonly seconds: number;
}

/** What a pod's status says, read once. */
export interface PodFacts {
  readonly name: string;
  readonly uid: string;
  readonly node: string | undefined;
  readonly phase: string;
  readonly createdAtMs: number;
  /** When its grace is over, of one that is being deleted. */
  readonly deletedByMs: number | undefined;
  /** `Evicted`, `DeadlineExceeded`, `NodeLost`, `Preempting`, … of the pod itself. */
  readonly reason: string;
  readonly message: string;
  /** Why the platform under it took it away. */
  readonly disruption: { readonly reason: string; readonly message: string } | undefined;
  /** The scheduler's words while no node takes it. */
  readonly unschedulable: string | undefined;
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  readonly running: { readonly container: string; readonly sinceMs: number } | undefined;
  readonly ended: ContainerEnd | undefined;
  /** Its containers that have begun, in their order. */
  readonly begun: readonly string[];
  /** When the last of its containers ended, of several that come one after the other. */
  readonly lastEndMs: number;
}

export function podFacts({ metadata, spec, status }: V1Pod): PodFacts {
  const containers = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ];
  const conditions = status?.conditions ?? [];
  const disruption = conditions.find(
    (of) => of.type === 'DisruptionTarget' && of.status === 'True',
  );
  const scheduled = conditions.find((of) => of.type === 'PodScheduled');
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    node: spec?.nodeName,
    phase: status?.phase ?? 'Pending',
    createdAtMs: metadata?.creationTimestamp?.getTime() ?? 0,
    deletedByMs: metadata?.deletionTimestamp?.getTime(),
    reason: status?.reason ?? '',
    message: status?.message ?? '',
    disruption: disruption && {
      reason: disruption.reason ?? '',
      message: disruption.message ?? '',
    },
    unschedulable:
      scheduled?.status === 'False' ? (scheduled.message ?? scheduled.reason ?? '') : undefined,
    waiting: waitingOf(containers),
    running: runningOf(containers),
    ended: endedOf(containers),
    begun: containers.flatMap(({ name, state }) =>
      (state?.running ?? state?.terminated) ? [name] : [],
    ),
    lastEndMs: Math.max(
      0,
      ...containers.map(({ state }) => state?.terminated?.finishedAt?.getTime() ?? 0),
    ),
  };
}

/** The pods that are this Job's, newest first: another Job of the name may have had some. */
export function podsOfJob(pods: readonly V1Pod[], jobUid: string): PodFacts[] {
  return pods
    .filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === jobUid))
    .map(podFacts)
    .sort((one, other) => other.createdAtMs - one.createdAtMs || (one.uid < other.uid ? -1 : 1));
}

export const isOver = ({ phase }: Pick<PodFacts, 'phase'>): boolean =>
  phase === 'Succeeded' || phase === 'Failed';

/** Whether its deletion takes so long that its node must be gone. */
export function isLost(
  { deletedByMs }: Pick<PodFacts, 'deletedByMs'>,
  { nowMs, lostAfterMs }: { nowMs: number; lostAfterMs: number },
): boolean {
  return deletedByMs !== undefined && deletedByMs + lostAfterMs < nowMs;
}

function waitingOf(containers: V1ContainerStatus[]): PodFacts['waiting'] {
  const waiting = containers.flatMap(({ state }) => state?.waiting ?? []);
  const chosen =
    waiting.find(({ reason }) => reason !== 'PodInitializing' && reason !== 'ContainerCreating') ??
    waiting[0];
  return chosen && { reason: chosen.reason ?? '', message: chosen.message ?? '' };
}

function runningOf(containers: V1ContainerStatus[]): PodFacts['running'] {
  const [running] = containers.flatMap(({ name, state }) =>
    state?.running ? [{ container: name, sinceMs: state.running.startedAt?.getTime() ?? 0 }] : [],
  );
  return running;
}

/** Of several the first that failed, else the last: it came to the pod's end. */
function endedOf(containers: V1ContainerStatus[]): ContainerEnd | undefined {
  const ends = containers.flatMap(({ name, state }): ContainerEnd[] => {
    const end = state?.terminated;
    if (!end) return [];
    const tookMs = (end.finishedAt?.getTime() ?? 0) - (end.startedAt?.getTime() ?? 0);
    return [
      {
        container: name,
        exitCode: end.exitCode,
        signal: end.signal,
        reason: end.reason ?? '',
        message: end.message,
        seconds: Math.max(0, tookMs / 1000),
      },
    ];
  });
  return ends.find(({ exitCode }) => exitCode !== 0) ?? ends.at(-1);
}
