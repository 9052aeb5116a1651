import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { ReconcileCommand, Reconciled } from '../../temporal/contracts/reconcile.js';
import type { Admission } from '../../temporal/contracts/runs.js';
import type {
  BeginRolloutCommand,
  LeaseCommand,
  LedgerPage,
  ReleaseHostCommand,
  RenewedLease,
  RenewLeaseCommand,
  RollbackCommand,
  RolloutGrant,
  ShiftTrafficCommand,
} from '../../temporal/contracts/tag.js';
import { RetrainRequest } from '../../temporal/contracts/runs.js';
import { applicationFailure, failure, isFailure } from '../../temporal/errors.js';
import { tagWorkflowId, updateId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { createPlatformActivities } from './platform.js';

/** Longer than a tag waits for the lanes that put it right. */
const RECONCILE_MS = 80_000;

type TagCommand = { asked: { key: string; hash: string } };

/** An update whose run ended under it; asking again with the same id does it once. */
const ENDED_UNDER_UPDATE = 'AcceptedUpdateCompletedWorkflow';

export function createTagActivities({ client, taskQueue }: { client: Client; taskQueue: string }) {
  /** Always update-with-start: a plain update of a tag that is not there would be retried for ever. */
  async function ask<Answer>(tag: string, update: string, command: TagCommand): Promise<Answer> {
    const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOWS.tag, {
      workflowId: tagWorkflowId(tag),
      taskQueue,
      args: [{ tag }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const options = {
      updateId: updateId(update, command.asked.key, command.asked.hash),
      args: [command],
      startWorkflowOperation,
    };
    try {
      return await client.workflow.executeUpdateWithStart(update, options);
    } catch (error) {
      throw refusal(error);
    }
  }

  /** Not with start: a tag that is not there has nothing to put right, and must not be begun anew over the route it had. */
  async function reconcileTag(tag: string, command: ReconcileCommand): Promise<Reconciled> {
    const { key, hash } = command.asked;
    const options = {
      updateId: updateId('reconcile', key, hash),
      args: [command] as [ReconcileCommand],
    };
    const handle = client.workflow.getHandle(tagWorkflowId(tag));
    try {
      return await client.withDeadline(Date.now() + RECONCILE_MS, () =>
        handle.executeUpdate<Reconciled, [ReconcileCommand]>('reconcile', options),
      );
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw refusal(error);
      throw failure('UnknownTag', `expected a tag '${tag}', and there is none`, {
        details: { tag },
      });
    }
  }

  return {
    reconcileTag,

    /**
     * What the tag says of itself now. The request is parsed first, because schedules, the Web UI and other clients start
     * runs past the SDK.
     */
    async admit(tag: string, request?: unknown): Promise<Admission> {
      if (request !== undefined) checkRequest(request);
      return admission(client, tag);
    },

    askForTurn: (tag: string, command: BeginRolloutCommand): Promise<RolloutGrant> =>
      ask(tag, 'beginRollout', command),
    commitRollout: (tag: string, command: LeaseCommand): Promise<LedgerEntry> =>
      ask(tag, 'commitRollout', command),
    shiftTraffic: (tag: string, command: ShiftTrafficCommand): Promise<LedgerEntry> =>
      ask(tag, 'shiftTraffic', command),
    renewLease: (tag: string, command: RenewLeaseCommand): Promise<RenewedLease> =>
      ask(tag, 'renewLease', command),
    rollBack: (tag: string, command: RollbackCommand): Promise<LedgerEntry> =>
      ask(tag, 'rollback', command),
    /** The end of the tag's ledger. */
    ledgerHead: (tag: string): Promise<LedgerEnd> => ledgerHead(client, tag),
    /** Who triggered or backfilled the slot of an instant. */
    triggeredBy: (tag: string, slot: string): Promise<string[]> =>
      client.workflow.getHandle(tagWorkflowId(tag)).query<string[], [string]>('triggeredBy', slot),
    abortRollout: (tag: string, command: LeaseCommand): Promise<LedgerEntry | null> =>
      ask(tag, 'abortRollout', command),
    releaseHost: (tag: string, command: ReleaseHostCommand): Promise<null> =>
      ask(tag, 'releaseHost', command),
    ...createPlatformActivities({ client, taskQueue }),
  };
}
export type TagActivities = ReturnType<typeof createTagActivities>;

function checkRequest(request: unknown): void {
  const parsed = RetrainRequest.safeParse(request);
  if (parsed.success) return;
  const issues = parsed.error.issues.map(({ path, message }) => ({
    path: path.join('.'),
    message,
  }));
  const said = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw failure('InvalidRequest', said, { details: { issues } });
}

async function admission(client: Client, tag: string): Promise<Admission> {
  try {
    const answer = await client.workflow
      .getHandle(tagWorkflowId(tag))
      .query<Admission | null>('admission');
    if (answer !== null) return answer;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  throw unknownTag(tag);
}

type LedgerEnd = Pick<LedgerEntry, 'seq' | 'hash' | 'at'>;

/** The newest entry: as long as none follows, the head is the same whenever it is asked for. */
async function ledgerHead(client: Client, tag: string): Promise<LedgerEnd> {
  try {
    const { entries } = await client.workflow
      .getHandle(tagWorkflowId(tag))
      .query<LedgerPage, [{ limit: number }]>('ledger', { limit: 1 });
    const [newest] = entries;
    if (newest) return { seq: newest.seq, hash: newest.hash, at: newest.at };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  throw unknownTag(tag);
}

const unknownTag = (tag: string): Error =>
  failure('UnknownTag', `expected a definition of '${tag}', and none was applied`, {
    details: { tag },
  });

/**
 * What the tag said, as it was said. The same update id would be told the same again, so only an overload, which leaves no
 * trace, and a workflow run that ended under its update are worth another try.
 */
function refusal(error: unknown): unknown {
  if (!(error instanceof WorkflowUpdateFailedError)) return error;
  const said = applicationFailure(error.cause);
  if (said?.type === ENDED_UNDER_UPDATE) return new Error(error.message, { cause: error });
  if (isFailure(said, 'Overloaded')) return said;
  return ApplicationFailure.create({
    type: said?.type ?? 'Unknown',
    message: said?.message ?? error.message,
    nonRetryable: true,
    details: said?.details ?? [],
  });
}
