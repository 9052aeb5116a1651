import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { RunView } from '../temporal/contracts/runs.js';
import * as messages from '../temporal/messages.js';
import { UnavailableError, UnknownRunError } from './errors.js';
import { runFailure } from './run-failures.js';
import { jobStanding } from './run-job.js';
import { isOpen, type Execution } from './run-status.js';
import { callService, type Session } from './session.js';
import { askWorker } from './worker-answers.js';

/** A run lives on while Temporal restarts; those who wait for it do too, for this long. */
const OUTAGE_MS = 120_000;
const FIRST_POLL_MS = 200;
const LAST_POLL_MS = 1_000;
const LONG_POLL_MS = 60_000;

export async function describeRun(session: Session, workflowId: string): Promise<Execution> {
  try {
    const described = await callService(session, () =>
      session.client.workflow.getHandle(workflowId).describe(),
    );
    return { ...described, standing: jobStanding(described.raw.pendingActivities) };
  } catch (error) {
    throw nameRun(error, workflowId);
  }
}

export async function viewRun(session: Session, workflowId: string): Promise<RunView> {
  try {
    return await askWorker(session, () =>
      session.client.workflow.getHandle(workflowId).query(messages.runView),
    );
  } catch (error) {
    throw nameRun(error, workflowId);
  }
}

export interface Observation {
  execution: Execution;
  /** null while no worker can answer for the run. */
  view: RunView | null;
}

/**
 * The run each time something happened in it, until it ends. Temporal alone is asked whether something did: a run of
 * hours costs its worker a question per change, not per second.
 */
export async function* observeRun(
  session: Session,
  workflowId: string,
): AsyncGenerator<Observation> {
  let seen = -1;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.5, LAST_POLL_MS)) {
    const execution = await throughOutage(() => describeRun(session, workflowId));
    if (execution.historyLength !== seen || !isOpen(execution)) {
      const view = await viewOrNull(session, workflowId);
      if (view !== null) seen = execution.historyLength;
      yield { execution, view };
      if (!isOpen(execution)) return;
      pollMs = FIRST_POLL_MS;
    }
    await sleep(pollMs);
  }
}

async function viewOrNull(session: Session, workflowId: string): Promise<RunView | null> {
  try {
    return await viewRun(session, workflowId);
  } catch (error) {
    if (error instanceof UnavailableError) return null;
    throw error;
  }
}

/** A run's result, however long it takes; a run that ended badly rejects with the error a caller can act on. */
export async function awaitRun<Result>(session: Session, workflowId: string): Promise<Result> {
  const handle = session.client.workflow.getHandle(workflowId);
  for (;;) {
    try {
      // Asked anew every minute, so that a connection that died silently is noticed.
      return (await throughOutage(() =>
        callService(session, () => handle.result(), LONG_POLL_MS),
      )) as Result;
    } catch (error) {
      if (error instanceof WorkflowFailedError) {
        const cancelled = error.cause instanceof CancelledFailure;
        const reason = cancelled ? await cancelReason(session, workflowId) : null;
        throw runFailure(workflowId, error, reason);
      }
      if (!(error instanceof UnavailableError)) throw nameRun(error, workflowId);
      // A long wait that met its deadline is no outage: Temporal answers, so the wait goes on.
      await describeRun(session, workflowId);
    }
  }
}

/** What was given with the request to cancel: only the history keeps it, near its end. null when it cannot be read. */
async function cancelReason(session: Session, workflowId: string): Promise<string | null> {
  try {
    const { history } = await callService(session, () =>
      session.connection.workflowService.getWorkflowExecutionHistoryReverse({
        namespace: session.options.temporal.namespace,
        execution: { workflowId },
      }),
    );
    const asked = (history?.events ?? []).find(
      (event) => event.workflowExecutionCancelRequestedEventAttributes,
    );
    return asked?.workflowExecutionCancelRequestedEventAttributes?.cause || null;
  } catch {
    return null;
  }
}

async function throughOutage<T>(ask: () => Promise<T>): Promise<T> {
  const end = Date.now() + OUTAGE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof UnavailableError) || Date.now() > end) throw error;
      await sleep(LAST_POLL_MS);
    }
  }
}

function nameRun(error: unknown, workflowId: string): unknown {
  if (!(error instanceof WorkflowNotFoundError)) return error;
  return new UnknownRunError(
    `No run ${workflowId} is known; Temporal keeps ended runs for its retention time only`,
    workflowId,
    {
      cause: error,
    },
  );
}
