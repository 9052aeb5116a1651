import type { JobFailure } from '../../temporal/contracts/job.js';

export type AttemptDecision = { next: 'retry'; counts: boolean } | { next: 'fail'; why: string };

/**
 * What follows a job attempt that ended badly. Disruptions are nobody's fault and cost no attempt, but are bounded so that
 * a cluster that loses every pod does not keep a run alive for ever.
 */
export function afterFailure(
  failure: JobFailure,
  spent: { attempts: number; maxAttempts: number; disruptions: number },
): AttemptDecision {
  switch (failure.cause) {
    case 'user-error':
    case 'integrity':
    case 'deadline':
    case 'bad-result':
      return { next: 'fail', why: failure.message };
    case 'disrupted':
      return spent.disruptions < MAX_DISRUPTIONS
        ? { next: 'retry', counts: false }
        : { next: 'fail', why: `disrupted ${String(spent.disruptions)} times; ${failure.message}` };
    case 'temporary':
    case 'interrupted':
    case 'out-of-memory':
    case 'crashed':
    case 'start-failed':
      return spent.attempts < spent.maxAttempts
        ? { next: 'retry', counts: true }
        : {
            next: 'fail',
            why: `${failure.message} (attempt ${String(spent.attempts)} of ${String(spent.maxAttempts)})`,
          };
  }
}

export const MAX_DISRUPTIONS = 20;
export const DEFAULT_MAX_ATTEMPTS = 3;
