import type { CoreV1Event } from '@kubernetes/client-node';

/** The scheduler's event on a pod that had to make room is all that is left of it, for an hour. */
export const PREEMPTED = 'involvedObject.kind=Pod,reason=Preempted';

/** When a pod of the Job was last preempted, as the `Preempted` events of its namespace say. */
export function lastPreemptionMs(events: readonly CoreV1Event[], job: string): number | undefined {
  const times = events
    .filter(({ involvedObject }) => isPodOf(involvedObject.name ?? '', job))
    // The scheduler writes the newer kind of event, which has no last time.
    .map((of) => (of.eventTime ?? of.lastTimestamp ?? of.metadata.creationTimestamp)?.getTime());
  return times.reduce((last, at) => Math.max(last ?? 0, at ?? 0), undefined);
}

const SUFFIX = /^-[a-z0-9]{5}$/;

const isPodOf = (pod: string, job: string): boolean =>
  pod.startsWith(job) && SUFFIX.test(pod.slice(job.length));
