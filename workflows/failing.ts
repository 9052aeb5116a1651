import { ApplicationFailure, isCancellation, log } from '@temporalio/workflow';
import { applicationFailure, failure } from '../temporal/errors.js';

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

/**
 * Runs are started past the SDK too. One whose input names nothing to work on ends with a failure people see, instead of a
 * workflow task that is tried for ever.
 */
export function requireText(request: unknown, field: string): void {
  const given = typeof request === 'object' && request !== null;
  const value = given ? (request as Record<string, unknown>)[field] : undefined;
  if (typeof value === 'string') return;
  const message = `expected a text, got ${value === undefined ? 'nothing' : JSON.stringify(value)}`;
  throw failure('InvalidRequest', `the run's input: ${field}: ${message}`, {
    details: { issues: [{ path: field, message }] },
  });
}

/** For compensation: one step that cannot be done must not hide why the run ends, nor keep the next one from being done. */
export async function quietly(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.warn(`could not ${what}`, { said: String(error) });
  }
}
