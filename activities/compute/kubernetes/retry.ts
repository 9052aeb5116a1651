import { ApiError } from './api-error.js';

/** How long a call waits for an answer, tries included, milliseconds. */
export interface Patience {
  readonly tryMs: number;
  readonly callMs: number;
}

export const PATIENCE: Patience = { tryMs: 8_000, callMs: 20_000 };
/** For what is only told along: a log is behind the apiserver, on a node that may be gone. */
export const IMPATIENCE: Patience = { tryMs: 3_000, callMs: 3_000 };

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;
const PASSING = [408, 429, 500, 502, 503, 504];

export function isPassing(error: unknown): boolean {
  return !(error instanceof ApiError) || PASSING.includes(error.status);
}

/**
 * Milliseconds until the next try, or undefined when the outcome stands. Every call may be made again: a create by its
 * name, a change by the resource version it starts from, a delete by the uid.
 */
export function nextTryMs(
  error: unknown,
  of: { made: number; leftMs: number; chance: number },
): number | undefined {
  if (!isPassing(error)) return undefined;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (of.made - 1));
  const askedMs = error instanceof ApiError ? error.retryAfterMs : undefined;
  const waitMs = Math.round((askedMs ?? pauseMs) + pauseMs * of.chance);
  return waitMs < of.leftMs ? waitMs : undefined;
}
