import { WorkflowFailedError } from '@temporalio/client';
import type { ReconcileRequest, ReconcileResult } from '../temporal/contracts/reconcile.js';
import { ModelTag } from '../temporal/contracts/scalars.js';
import { reconcileWorkflowId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { WORKFLOWS } from '../temporal/names.js';
import { ReconcileArguments } from './arguments.js';
import { UnavailableError } from './errors.js';
import { parseArguments } from './issues.js';
import { refusalIn } from './refusals.js';
import { callService, type Session } from './session.js';
import { queryTag } from './tag-entity.js';
import type { ReconcileOptions, ReconcileReport } from './types.js';
import { awaitWorker } from './worker-answers.js';

/** A sweep that finds much puts it right tag by tag. */
const LIMIT_MS = 15 * 60_000;

export async function reconcile(
  session: Session,
  givenTag: string | undefined,
  givenOptions: ReconcileOptions = {},
): Promise<ReconcileReport> {
  const { tag, options } = parseArguments(
    'reconcile',
    { tag: ModelTag.optional(), options: ReconcileArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { dryRun = false } = options;
  if (tag !== undefined) await queryTag(session, tag, { definition: messages.tagStatus, args: [] });
  const handle = await start(session, { dryRun, ...(tag !== undefined && { tag }) });
  try {
    const answer = (await awaitWorker(session, () => handle.result(), LIMIT_MS)) as ReconcileResult;
    return { findings: answer.findings };
  } catch (error) {
    throw refusalIn(error) ?? unfinished(error);
  }
}

/** One that is under way already answers for both: it is the same request. */
function start(session: Session, request: ReconcileRequest) {
  const { tag, dryRun } = request;
  return callService(session, () =>
    session.client.workflow.start(WORKFLOWS.reconcile, {
      workflowId: reconcileWorkflowId(tag ?? null, dryRun),
      taskQueue: session.options.taskQueue,
      args: [request],
      workflowExecutionTimeout: LIMIT_MS,
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `reconcile ${tag ?? 'every tag'}`,
    }),
  );
}

function unfinished(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  return new UnavailableError(
    'The comparison did not finish: a worker, the gateway or MLflow did not answer it in time; look at the worker log, then repeat the call',
    'worker',
    { cause: error },
  );
}
