import type { HostObservation } from '../../temporal/contracts/route.js';
import type { Ping } from './ping.js';

/** What is known of one process of a host. */
export interface Health {
  /** It loaded the digest asked for. Requests go by this alone, so a busy server that misses a ping keeps its traffic. */
  verified: boolean;
  /** What it says it loaded. */
  digest: string | null;
  /** Pings in a row without an answer. */
  missed: number;
  phase: Exclude<HostObservation['phase'], 'gone'>;
  detail: string;
}

const UNHEALTHY_AFTER_MISSED = 3;

export const STARTING: Health = {
  verified: false,
  digest: null,
  missed: 0,
  phase: 'starting',
  detail: 'loading the model',
};

/** The health after one more ping. Ready needs an answer that names exactly the digest asked for, if one is. */
export function judge(before: Health, answer: Ping, expectedDigest: string | null): Health {
  switch (answer.answer) {
    case 'none':
      return missedOne(before, answer.detail);
    case 'starting':
    case 'unknown':
      return STARTING;
    case 'failed':
      return { ...STARTING, phase: 'unhealthy', detail: answer.detail };
    case 'ready':
      return loaded(answer.digest, expectedDigest);
  }
}

function loaded(digest: string | null, expected: string | null): Health {
  const same = expected === null || digest === expected;
  return {
    verified: same,
    digest,
    missed: 0,
    phase: same ? 'ready' : 'unhealthy',
    detail: same
      ? 'serving'
      : `expected the model with digest ${expected}, it loaded ${digest ?? 'one it does not name'}`,
  };
}

function missedOne(before: Health, why: string): Health {
  const missed = before.missed + 1;
  if (before.phase !== 'ready' || missed < UNHEALTHY_AFTER_MISSED) return { ...before, missed };
  return {
    ...before,
    missed,
    phase: 'unhealthy',
    detail: `no answer to ${String(missed)} pings: ${why}`,
  };
}
