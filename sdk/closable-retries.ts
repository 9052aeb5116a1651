import { setTimeout as sleep } from 'node:timers/promises';
import {
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type ConnectionOptions,
} from '@temporalio/client';
import { firstPauseMs, isOverLimit } from '../temporal/connection/channel.js';

/** Each call has a deadline of its own, which ends its tries; this many are never reached. */
const MOST_TRIES = 100;
/** A server that is back after an outage is found within it. */
const LONGEST_PAUSE_MS = 1_000;

export interface ClosableRetries {
  interceptors: NonNullable<ConnectionOptions['interceptors']>;
  /** Ends all retrying; once it resolves, the connection may be closed. */
  end(): Promise<void>;
}

/**
 * Temporal's own retries, but closable. The client's wait for their pause even when the connection is closed meanwhile,
 * and then throw out of a timer, where nobody can catch it: that would end the caller's program. A close waits for the longest
 * pause, six seconds after a refusal over a limit.
 */
export function closableRetries(): ClosableRetries {
  const { delayFunction, retryableDecider } = defaultGrpcRetryOptions({
    maxAttempts: MOST_TRIES,
    initialIntervalMs: firstPauseMs,
  });
  let ended = false;
  let nextTryAt = 0;
  const retries = makeGrpcRetryInterceptor({
    retryableDecider: (attempt, status) => !ended && retryableDecider(attempt, status),
    delayFunction(attempt, status) {
      const pauseMs = pauseAfter(status, delayFunction(attempt, status));
      nextTryAt = Math.max(nextTryAt, performance.now() + pauseMs);
      return pauseMs;
    },
  });
  return {
    interceptors: [retries],
    async end() {
      ended = true;
      // A timer may come up to a millisecond early, and this one must not overtake theirs.
      while (performance.now() <= nextTryAt + 1) await sleep(nextTryAt + 2 - performance.now());
    },
  };
}

/**
 * A limit needs the client's own pause, which grows to some five seconds: with each update it refuses over the ten in flight at one
 * workflow, the server (1.31) aborts these ten too, and a hundred callers that come again each second keep any from being done.
 */
function pauseAfter(status: Parameters<typeof isOverLimit>[0], pauseMs: number): number {
  return isOverLimit(status)
    ? pauseMs
    : Math.min((LONGEST_PAUSE_MS * (1 + Math.random())) / 2, pauseMs);
}
