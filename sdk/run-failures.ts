import type { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { applicationFailure } from '../temporal/errors.js';
import { RunCancelledError, RunFailedError } from './errors.js';
import { refusal } from './refusals.js';

/** How a run that ended badly is told: altered artifact, cancelled, or failed with what its own code said. */
export function runFailure(
  workflowId: string,
  error: WorkflowFailedError,
  cancelledFor: string | null,
): Error {
  const { cause } = error;
  if (cause instanceof CancelledFailure || cause instanceof TerminatedFailure) {
    const verb = cause instanceof CancelledFailure ? 'cancelled' : 'terminated';
    return new RunCancelledError(
      `Run ${workflowId} was ${verb}${sentence(cancelledFor ?? cause.message)}`,
      workflowId,
      { cause: error },
    );
  }
  const failure = applicationFailure(cause);
  const details = (failure?.details?.[0] as Record<string, unknown> | null | undefined) ?? {};
  const type =
    failure?.type ?? (innermost(cause) instanceof TimeoutFailure ? 'Timeout' : 'Unknown');
  const message = messages(cause).join(': ');
  if (type === 'Integrity') return refusal({ type, message, details, cause: error });
  const stage = typeof details['stage'] === 'string' ? details['stage'] : 'unknown';
  const where = stage === 'unknown' ? '' : ` at stage ${stage}`;
  return new RunFailedError(
    `Run ${workflowId} failed${where} (${type}): ${message}`,
    { workflowId, stage, failureType: type },
    { cause: error },
  );
}

/** Each message of the chain once: the innermost one is what the user's own code said. */
function messages(error: unknown): string[] {
  const said: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.message !== '' && !said.some((earlier) => earlier.includes(at.message)))
      said.push(at.message);
  }
  return said;
}

function innermost(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return at;
}

function sentence(message: string): string {
  return message === '' || /^workflow execution (cancelled|terminated)$/i.test(message)
    ? ''
    : `: ${message}`;
}
