import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import type { Examined } from '../temporal/contracts/job.js';
import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { ReadRequest, RecordedEvidence, Simulation } from '../temporal/contracts/runs.js';
import type { SignedLedgerHead } from '../temporal/contracts/statement.js';
import { readWorkflowId } from '../temporal/ids.js';
import { SEARCH_ATTRIBUTES, WORKFLOWS } from '../temporal/names.js';
import { UnavailableError } from './errors.js';
import { refusalIn } from './refusals.js';
import { callService, type Session } from './session.js';
import { askWorker, awaitWorker } from './worker-answers.js';

/** Longer than the worker may take to pick the read up, so that what ends by it is a read the registry held up. */
const READ_TIMEOUT_MS = 35_000;
/** The server ends the read before this, and by that tells what was slow. */
const RESULT_TIMEOUT_MS = 45_000;

interface Answers {
  ledger: LedgerEntry[];
  model: RegisteredModel;
  simulate: Simulation;
  evidence: RecordedEvidence[];
  head: SignedLedgerHead;
  signatures: { required: boolean };
  /** Undefined of a worker that is older than the question. */
  compute: Examined[] | undefined;
}

/** Asks the registry through a short workflow on a worker, so that the SDK holds no vendor's client and no secret. */
export async function read<R extends ReadRequest>(
  session: Session,
  request: R,
): Promise<Answers[R['what']]> {
  const handle = await callService(session, () =>
    session.client.workflow.start(WORKFLOWS.read, {
      workflowId: readWorkflowId(request.what, request.tag, randomUUID()),
      taskQueue: session.options.taskQueue,
      args: [request],
      workflowExecutionTimeout: READ_TIMEOUT_MS,
      typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.ModelTag, value: request.tag }],
      staticSummary: `read ${request.what} of ${request.tag}`,
    }),
  );
  try {
    await askWorker(session, () => taken(session, handle.workflowId));
    return (await awaitWorker(
      session,
      () => handle.result(),
      RESULT_TIMEOUT_MS,
    )) as Answers[R['what']];
  } catch (error) {
    throw refusalIn(error) ?? unfinished(request, error);
  }
}

const REGISTRY = {
  dependency: 'mlflow',
  said: "MLflow, or the store of its artifacts, did not answer the worker; start it or correct the worker's registry.trackingUri (MLFLOW_TRACKING_URI)",
} as const;
const COMPUTE = {
  dependency: 'worker',
  said: 'the worker ended over it, or a target of compute.targets does not let it go on; look at its log',
} as const;

/** A read that ended without a refusal ran out of its time, or was stopped by hand. */
function unfinished(request: ReadRequest, error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  const { dependency, said } = request.what === 'compute' ? COMPUTE : REGISTRY;
  return new UnavailableError(
    `Reading ${request.what} of ${request.tag} did not finish within ${String(READ_TIMEOUT_MS / 1000)} s: ${said}, then repeat the call`,
    dependency,
    { cause: error },
  );
}

/** Resolves when a worker has taken the run's first task: its history has grown beyond start and schedule. */
async function taken(session: Session, workflowId: string): Promise<void> {
  const execution = { workflowId };
  const { namespace } = session.options.temporal;
  let token: Uint8Array = new Uint8Array();
  do {
    const page = await session.connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution,
      waitNewEvent: true,
      ...(token.length > 0 && { nextPageToken: token }),
    });
    if ((page.history?.events ?? []).some((event) => Number(event.eventId) > 2)) return;
    token = page.nextPageToken;
  } while (token.length > 0);
}
