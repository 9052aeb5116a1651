import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type WorkflowUpdateHandle,
} from '@temporalio/client';
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common';
import type { ModelDefinition } from '../temporal/contracts/definition.js';
import type { ApplyOutcome, Asked, DefinitionView } from '../temporal/contracts/tag.js';
import { applicationFailure } from '../temporal/errors.js';
import { requestHash, tagWorkflowId, updateId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { SEARCH_ATTRIBUTES, WORKFLOWS } from '../temporal/names.js';
import { UnavailableError, UnknownTagError } from './errors.js';
import { refusalIn } from './refusals.js';
import type { Session } from './session.js';
import { askWorker, awaitWorker } from './worker-answers.js';

/** A tag that is overloaded, or moves to a new run, takes the command a moment later. */
const RETRY_FOR_MS = 20_000;
const MAX_BACKOFF_MS = 2_000;
/** A settled command takes a second or two; a rollback to a cold host waits for the host. */
const SETTLE_TIMEOUT_MS = 300_000;

export interface Request {
  method: string;
  tag: string;
  /** As the caller gave them: no defaults, no actor. */
  fields: Record<string, unknown>;
  reason: string;
  idempotencyKey?: string | undefined;
}

/** Who asks, why, and by which key the tag knows the request again. */
export function asked(session: Session, request: Request): Asked {
  return {
    actor: session.options.actor,
    reason: request.reason,
    workflowId: tagWorkflowId(request.tag),
    key: request.idempotencyKey ?? randomUUID(),
    hash: requestHash(request.method, request.tag, given(request.fields)),
  };
}

/** Drops what was not given, so that an absent field and an undefined one are one request. */
export function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

export async function queryTag<Result, Args extends unknown[]>(
  session: Session,
  tag: string,
  query: { definition: QueryDefinition<Result, Args>; args: Args },
): Promise<Result> {
  const handle = session.client.workflow.getHandle(tagWorkflowId(tag));
  try {
    return await askWorker(session, () => handle.query(query.definition, ...query.args));
  } catch (error) {
    throw nameTag(error, tag);
  }
}

/** The definition in force; UnknownTagError when the tag has none. */
export async function definitionInForce(session: Session, tag: string): Promise<DefinitionView> {
  const view = await queryTag(session, tag, { definition: messages.definition, args: [] });
  if (view === null) throw unknownTag(tag);
  return view;
}

/** Whether a definition was applied for the tag. False also while nobody can tell. */
export async function isDefined(session: Session, tag: string): Promise<boolean> {
  try {
    await definitionInForce(session, tag);
    return true;
  } catch (error) {
    if (error instanceof UnknownTagError || error instanceof UnavailableError) return false;
    throw error;
  }
}

/** Sends a command to a tag that exists; the refusal comes back as the error class the caller can act on. */
export async function commandTag<Result, Command extends { asked: Asked }>(
  session: Session,
  tag: string,
  command: { definition: UpdateDefinition<Result, [Command]>; value: Command },
): Promise<Result> {
  const handle = session.client.workflow.getHandle(tagWorkflowId(tag));
  const { definition, value } = command;
  return settle(session, tag, () =>
    handle.startUpdate<Result, [Command]>(definition, {
      args: [value],
      updateId: updateId(definition.name, value.asked.key, value.asked.hash),
      waitForStage: 'ACCEPTED',
    }),
  );
}

/** Applies a definition, starting the tag's workflow when this is its first. */
export async function defineTag(
  session: Session,
  command: {
    asked: Asked;
    definition: ModelDefinition;
    digest: string;
    codeUri: string;
    codeRevision: string;
    expected?: string;
  },
): Promise<ApplyOutcome> {
  const { tag, owner } = command.definition;
  return settle(session, tag, () =>
    session.client.workflow.startUpdateWithStart(messages.define, {
      args: [command],
      updateId: updateId(messages.define.name, command.asked.key, command.asked.hash),
      waitForStage: 'ACCEPTED',
      // Single use by the client's rule: each try needs an operation of its own.
      startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.tag, {
        workflowId: tagWorkflowId(tag),
        taskQueue: session.options.taskQueue,
        args: [{ tag }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.ModelTag, value: tag },
          { key: SEARCH_ATTRIBUTES.Owner, value: owner.team },
        ],
        staticSummary: `model tag ${tag}`,
      }),
    }),
  );
}

/** Repeats under the same update id while the answer says "not now"; the tag does the work once. */
export async function settle<Result>(
  session: Session,
  tag: string,
  start: () => Promise<WorkflowUpdateHandle<Result>>,
): Promise<Result> {
  const end = Date.now() + RETRY_FOR_MS;
  for (let backoffMs = 100; ; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
    try {
      const update = await askWorker(session, start);
      return await awaitWorker(session, () => update.result(), SETTLE_TIMEOUT_MS);
    } catch (error) {
      if (!isPassing(error) || Date.now() + backoffMs > end) throw nameTag(error, tag);
      await sleep(backoffMs);
    }
  }
}

/**
 * Beside an overload, the server's own words: the run ended, or continued as new, under the accepted update; or the worker that
 * held the update died, and the next one was handed its task without it.
 */
const PASSING = ['Overloaded', 'AcceptedUpdateCompletedWorkflow', 'UnprocessedUpdate'];

function isPassing(error: unknown): boolean {
  if (!(error instanceof WorkflowUpdateFailedError)) return false;
  return PASSING.includes(applicationFailure(error)?.type ?? '');
}

function nameTag(error: unknown, tag: string): unknown {
  if (error instanceof WorkflowNotFoundError) return unknownTag(tag, error);
  return refusalIn(error) ?? error;
}

export function unknownTag(tag: string, cause?: unknown): UnknownTagError {
  return new UnknownTagError(
    `No definition was applied for the tag ${tag}; apply one first (models.apply)`,
    tag,
    { cause },
  );
}
