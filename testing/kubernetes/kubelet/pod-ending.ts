import type { ContainerRun } from './container-run.js';
import type { Pod } from './pod.js';
import type { PodEnd } from './pod-status.js';

/** How and when one pod is ended from outside; the first way counts. */
export interface PodEnding {
  readonly how: PodEnd | undefined;
  /** Aborted when the pod is to end. */
  readonly signal: AbortSignal;
  by: (how: PodEnd) => void;
  /** Unless the pod is over by then. */
  later: (ms: number, work: () => void) => void;
  /** The pod is over: nothing ends it any more. */
  settle: () => void;
}

const DEFAULT_GRACE_SECONDS = 30;

export const EVICTED: PodEnd = {
  reason: 'Evicted',
  message: 'The node was low on resource: memory.',
  graceSeconds: 0,
  disruption: 'TerminationByKubelet',
};

export const overdue = ({ spec }: Pod): PodEnd => ({
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
  graceSeconds: spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
});

export function createPodEnding(live: () => ContainerRun[]): PodEnding {
  const controller = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  let how: PodEnd | undefined;
  let over = false;
  const later = (ms: number, work: () => void): void => {
    timers.add(setTimeout(work, ms));
  };
  const signal = (name: 'SIGTERM' | 'SIGKILL'): void => {
    for (const run of live()) run.signal(name);
  };
  return {
    get how() {
      return how;
    },
    signal: controller.signal,
    later,
    by: (wanted) => {
      if (over) return;
      how ??= wanted;
      controller.abort();
      if (wanted.graceSeconds === 0) {
        signal('SIGKILL');
        return;
      }
      signal('SIGTERM');
      later(wanted.graceSeconds * 1_000, () => signal('SIGKILL'));
    },
    settle: () => {
      over = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
