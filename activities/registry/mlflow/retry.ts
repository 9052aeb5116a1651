import { connectionRefused } from './errors.js';

const QUICK_RETRIES = 2;
/** A server that asks for more patience than this gets it from Temporal, which holds no worker slot meanwhile. */
const LONGEST_QUICK_WAIT_MS = 2_000;
const CREATES = ['/runs/create', '/model-versions/create'];

export interface Try {
  method: string;
  path: string;
  /** Tries already made, from 1. */
  made: number;
}

/** Two calls of these make two things. Every other call leaves the same state when it is made again. */
export function isRepeatable({ method, path }: Pick<Try, 'method' | 'path'>): boolean {
  return method !== 'POST' || !CREATES.some((create) => path.endsWith(create));
}

/** Milliseconds until a quick retry, or null when the outcome stands. */
export function quickRetryDelayMs(tried: Try, outcome: Response | Error): number | null {
  if (tried.made > QUICK_RETRIES) return null;
  const delayMs = 100 * 3 ** (tried.made - 1);
  if (outcome instanceof Error) return mayRetryLost(tried, outcome) ? delayMs : null;
  if (!mayRetryAnswer(tried, outcome.status)) return null;
  const askedMs = retryAfterMs(outcome) ?? delayMs;
  return askedMs > LONGEST_QUICK_WAIT_MS ? null : askedMs;
}

/** The server's Retry-After in milliseconds, in seconds or as a date. */
export function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const seconds = Number(text);
  const ms = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1_000;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function mayRetryLost(tried: Try, error: Error): boolean {
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return false;
  return isRepeatable(tried) || connectionRefused(error);
}

function mayRetryAnswer(tried: Try, status: number): boolean {
  if (status === 429) return true;
  // It may come after the database committed, so it does not show that a create left nothing.
  if (status === 503) return isRepeatable(tried);
  // A search that meets a concurrent write is now and then answered by a crash page.
  return status >= 500 && isRead(tried);
}

function isRead({ method, path }: Try): boolean {
  return method === 'GET' || method === 'HEAD' || path.endsWith('/search');
}
