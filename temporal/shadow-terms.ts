import type { ModelDefinition } from './contracts/definition.js';
import type { ShadowRequest } from './contracts/runs.js';
import type { ShadowCheck } from './contracts/shadow.js';
import { after, msOf } from './duration.js';
import { SHADOW_DEFAULTS } from './shadow-defaults.js';

/** What a shadow run goes by: the request's words, else the definition's, else the defaults. */
export interface ShadowTerms {
  /** What is asked for: from an instant on, and how long. */
  from: string;
  until: string;
  samplingPercent: number;
  pool: string;
  minRequests: number;
  checks: readonly ShadowCheck[];
}

type Overrides = Pick<ShadowRequest, 'samplingPercent' | 'pool' | 'minRequests' | 'checks'>;

export function shadowTerms(
  request: Pick<ShadowRequest, 'from' | 'until' | 'duration'> & Overrides,
  { shadow }: ModelDefinition,
  now: string,
): ShadowTerms {
  const duration = request.duration ?? shadow?.duration ?? SHADOW_DEFAULTS.duration;
  const from = request.from ?? now;
  return {
    // What was to begin already begins now, and ends when it was to end.
    from: from < now ? now : from,
    until: request.until ?? after(from, msOf(duration)),
    samplingPercent:
      request.samplingPercent ?? shadow?.samplingPercent ?? SHADOW_DEFAULTS.samplingPercent,
    pool: request.pool ?? shadow?.pool ?? SHADOW_DEFAULTS.pool,
    minRequests: request.minRequests ?? shadow?.minRequests ?? SHADOW_DEFAULTS.minRequests,
    checks: request.checks ?? shadow?.checks ?? [],
  };
}
