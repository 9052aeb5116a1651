import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { applicationFailure } from '../temporal/errors.js';

/**
 * The failure a run ends with: the one an activity reported, with the stage it happened in, so that a person reads the
 * cause and not the plumbing. Cancellation stays what it is.
 */
export function failedAt(stage: string, error: unknown): unknown {
  if (isCancellation(error)) return error;
  const said = applicationFailure(error);
  if (!said) return error;
  const details = { ...(said.details?.[0] as Record<string, unknown> | undefined), stage };
  return ApplicationFailure.create({
    type: said.type ?? 'Unknown',
    message: `${stage}: ${said.message}`,
    nonRetryable: true,
    details: [details],
  });
}
