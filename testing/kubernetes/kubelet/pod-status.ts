import { NEVER_STARTED, timeOf, type ContainerState } from './container-state.js';
import type { Container, Pod } from './pod.js';

/** Why a pod is ended from outside. */
export interface PodEnd {
  /** Of the pod's status; a deletion has none. */
  reason?: string;
  message?: string;
  graceSeconds: number;
  /** Reason of the DisruptionTarget condition. */
  disruption?: string;
}

/** What is known of one pod. */
export interface PodView {
  pod: Pod;
  startedAt: string;
  /** By container. */
  states: ReadonlyMap<string, ContainerState>;
  /** Nothing of it runs, and nothing will. */
  over: boolean;
  end: PodEnd | undefined;
}

export const exitCodeOf = (state: ContainerState | undefined): number | undefined =>
  state && 'terminated' in state ? state.terminated.exitCode : undefined;

/** The status of a pod, to merge into the one the apiserver has. */
export function statusOf(view: PodView): Record<string, unknown> {
  const { pod, startedAt, end, over } = view;
  const { containers, initContainers } = pod.spec;
  const phase = phaseOf(view);
  const reported = (container: Container) => reportOf(view, container);
  return {
    phase,
    hostIP: '127.0.0.1',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    startTime: startedAt,
    ...(over && end?.reason !== undefined && { reason: end.reason }),
    ...(over && end?.message !== undefined && { message: end.message }),
    conditions: conditionsOf(view, phase),
    containerStatuses: containers.map(reported),
    ...(initContainers && { initContainerStatuses: initContainers.map(reported) }),
  };
}

function phaseOf({ pod, states, over, end }: PodView): string {
  const codes = pod.spec.containers.map(({ name }) => exitCodeOf(states.get(name)));
  if (over)
    return end?.reason === undefined && codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  const begun = pod.spec.containers.some(({ name }) => {
    const state = states.get(name);
    return state && !('waiting' in state);
  });
  return begun ? 'Running' : 'Pending';
}

function reportOf({ states, over }: PodView, { name, image }: Container) {
  const known = states.get(name) ?? { waiting: { reason: 'ContainerCreating' } };
  const state = over && 'waiting' in known ? { terminated: NEVER_STARTED } : known;
  const running = 'running' in state;
  return { name, image, imageID: '', restartCount: 0, ready: running, started: running, state };
}

function conditionsOf({ pod, states, end, over }: PodView, phase: string) {
  const now = timeOf(new Date());
  const condition = (type: string, is: boolean, reason?: string) => ({
    type,
    status: is ? 'True' : 'False',
    lastTransitionTime: now,
    ...(reason !== undefined && { reason }),
  });
  const ready =
    phase === 'Running' ? undefined : phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
  const initialised = (pod.spec.initContainers ?? []).every(
    ({ name }) => exitCodeOf(states.get(name)) === 0,
  );
  const waits = phase === 'Pending' ? 'ContainersNotReady' : ready;
  return [
    condition('PodReadyToStartContainers', !over),
    condition('Initialized', initialised),
    condition('Ready', phase === 'Running', waits),
    condition('ContainersReady', phase === 'Running', waits),
    ...(end?.disruption === undefined
      ? []
      : [{ ...condition('DisruptionTarget', true, end.disruption), message: end.message }]),
  ];
}
