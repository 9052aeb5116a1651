import { randomUUID } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { requestHash } from '../temporal/ids.js';
import { SEARCH_ATTRIBUTES } from '../temporal/names.js';
import { IdempotencyConflictError } from './errors.js';
import { callService, type Session } from './session.js';
import { given } from './tag-entity.js';

const MAX_SUMMARY_BYTES = 400;

/** One request for a run: its key names it, its hash tells it from another request under the same key. */
export interface RunRequest {
  workflowId: string;
  key: string;
  /** false: the key was made here, so nobody can have used it before. */
  named: boolean;
  hash: string;
}

export interface RunStart {
  type: string;
  args: [Record<string, unknown>];
  tag: string;
  owner: string;
  modelId?: string;
  summary: string;
}

export function runRequest(
  request: {
    method: string;
    tag: string;
    fields: Record<string, unknown>;
    idempotencyKey: string | undefined;
  },
  workflowId: (key: string) => string,
): RunRequest {
  const key = request.idempotencyKey ?? randomUUID();
  return {
    workflowId: workflowId(key),
    key,
    named: request.idempotencyKey !== undefined,
    hash: requestHash(request.method, request.tag, given(request.fields)),
  };
}

/**
 * Whether the run was asked for before and needs no start. One that failed or was cancelled may be started again by the
 * same request, never by another under its key.
 */
export async function isStarted(session: Session, request: RunRequest): Promise<boolean> {
  if (!request.named) return false;
  const earlier = await recorded(session, request.workflowId);
  if (earlier === null) return false;
  if (earlier.hash !== request.hash) throw conflict(request);
  return !['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'].includes(earlier.state);
}

/** Starts the run unless a racing caller did. The key makes a repeat after a lost answer the same start. */
export async function startRun(
  session: Session,
  request: RunRequest,
  start: RunStart,
): Promise<void> {
  try {
    await callService(session, () =>
      session.client.workflow.start(start.type, {
        workflowId: request.workflowId,
        taskQueue: session.options.taskQueue,
        args: start.args,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'FAIL',
        memo: { requestHash: request.hash, actor: session.options.actor },
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.ModelTag, value: start.tag },
          { key: SEARCH_ATTRIBUTES.Owner, value: start.owner },
          ...(start.modelId === undefined
            ? []
            : [{ key: SEARCH_ATTRIBUTES.ModelId, value: start.modelId }]),
        ],
        staticSummary: summaryLine(start.summary),
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const earlier = await recorded(session, request.workflowId);
    if (earlier?.hash !== request.hash) throw conflict(request);
  }
}

async function recorded(
  session: Session,
  workflowId: string,
): Promise<{ hash: unknown; state: string } | null> {
  try {
    const run = await callService(session, () =>
      session.client.workflow.getHandle(workflowId).describe(),
    );
    return { hash: run.memo?.['requestHash'], state: run.status.name };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

function conflict({ key, workflowId }: RunRequest): IdempotencyConflictError {
  return new IdempotencyConflictError(
    `The idempotency key ${key} was used for another request, which started ${workflowId}; use a new key for a new request`,
    key,
  );
}

/** The Web UI reads a summary as Markdown, and Temporal refuses one over 400 bytes. */
export function summaryLine(text: string): string {
  const plain = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').replaceAll(/[\\`*_[\]<>|#]/g, '\\$&');
  let line = plain;
  while (Buffer.byteLength(line) > MAX_SUMMARY_BYTES) line = line.slice(0, -1);
  return line;
}
