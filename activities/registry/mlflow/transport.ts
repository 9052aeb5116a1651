import { setTimeout as delay } from 'node:timers/promises';
import { baseUrl, identityHeaders, type MlflowOptions } from './options.js';
import { quickRetryDelayMs } from './retry.js';
import { Slots } from './slots.js';

/** Above it the server's database pool (15 by default) runs dry, and it answers after 30 s with a 400. */
const CALLS_AT_A_TIME = 8;
const DEFAULT_TIMEOUT_MS = 30_000;

/** One pool for the process, whatever number of adapters it holds: the server counts processes, not adapters. */
const slots = new Slots(CALLS_AT_A_TIME);

export interface Transport {
  base: string;
  /** Like `fetch`, with identity, deadline, the process-wide cap, and quick retries of what may be repeated. */
  send(request: Request, options?: { timeoutMs?: number }): Promise<Response>;
}

export function createTransport(options: MlflowOptions): Transport {
  const base = baseUrl(options);
  const doFetch = options.fetch ?? globalThis.fetch;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;

  // A retry belongs below the typed client: there the body of the request is still unread.
  async function send(request: Request, { timeoutMs: own = timeoutMs } = {}): Promise<Response> {
    const tried = { method: request.method, path: new URL(request.url).pathname, made: 0 };
    for (;;) {
      tried.made += 1;
      const outcome = await slots.hold(() => attempt(request.clone(), own)).catch(asError);
      const waitMs = quickRetryDelayMs(tried, outcome);
      if (waitMs === null) {
        if (outcome instanceof Error) throw outcome;
        return outcome;
      }
      if (!(outcome instanceof Error)) await outcome.body?.cancel();
      await delay(waitMs, undefined, { signal: options.signal?.() });
    }
  }

  async function attempt(request: Request, own: number): Promise<Response> {
    for (const [name, value] of Object.entries(await identityHeaders(options))) {
      request.headers.set(name, value);
    }
    const cancelled = options.signal?.();
    const deadline = AbortSignal.timeout(own);
    return await doFetch(request, {
      signal: cancelled ? AbortSignal.any([deadline, cancelled]) : deadline,
      // A redirect would carry a POST on as a GET, or the credentials to another host.
      redirect: 'manual',
    });
  }

  return { base, send };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
