import type { CoreV1Event } from '@kubernetes/client-node';
import { readable } from './api-error.js';

/** Why no pod could be made for a Job, as an event of it says. */
export interface Refusal {
  readonly type: 'Quota' | 'Admission' | 'NoPod';
  /** The apiserver's words, without the name of the pod: each try has another one. */
  readonly words: string;
  /** When it was refused last. */
  readonly atMs: number;
}

/** What the events of kube-controller-manager put before the apiserver's words. */
const BEFORE = /^(?:\(combined from similar events\): )?(?:Error creating: )?/;
/** An admission's refusal names the pod; one of the controller's own rights speaks of pods only. */
const POD_FORBIDDEN = /^pods "[^"]*" is forbidden: /;
const WEBHOOK = /admission webhook .* denied the request|failed calling webhook/;

/** The last one, of a Job's `FailedCreate` events in any order. */
export function lastRefusal(events: readonly CoreV1Event[]): Refusal | undefined {
  const [last] = events
    .map(({ message = '', lastTimestamp, metadata }) => ({
      said: message.replace(BEFORE, ''),
      atMs: (lastTimestamp ?? metadata.creationTimestamp)?.getTime() ?? 0,
    }))
    .sort((one, other) => other.atMs - one.atMs);
  if (last === undefined) return undefined;
  const { said, atMs } = last;
  return { type: typeOf(said), words: readable(said.replace(POD_FORBIDDEN, '')), atMs };
}

function typeOf(said: string): Refusal['type'] {
  if (/exceeded quota/.test(said)) return 'Quota';
  return POD_FORBIDDEN.test(said) || WEBHOOK.test(said) ? 'Admission' : 'NoPod';
}
