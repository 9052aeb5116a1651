import { WithStartWorkflowOperation, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { ReconcileCommand, Reconciled } from '../../temporal/contracts/reconcile.js';
import type { Admission } from '../../temporal/contracts/runs.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import type {
  BeginRolloutCommand,
  BeginShadowCommand,
  EndShadowCommand,
  HoldHostCommand,
  LeaseCommand,
  LedgerPage,
  ReleaseHostCommand,
  RenewedLease,
  RenewLeaseCommand,
  RollbackCommand,
  RolloutGrant,
  ShiftTrafficCommand,
  WantedShadow,
} from '../../temporal/contracts/tag.js';
import { RetrainRequest } from '../../temporal/contracts/runs.js';
import { failure } from '../../temporal/errors.js';
import { tagWorkflowId, updateId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { askEntity, refusal, type EntityCommand } from './asking.js';
import { createPlatformActivities } from './platform.js';

/** Longer than a tag waits for the lanes that put it right. */
const RECONCILE_MS = 80_000;

export function createTagActivities({ client, taskQueue }: { client: Client; taskQueue: string }) {
  const ask = <Answer>(tag: string, update: string, command: EntityCommand): Promise<Answer> =>
    askEntity(
      client,
      { update, command },
      () =>
        new WithStartWorkflowOperation(WORKFLOWS.tag, {
          workflowId: tagWorkflowId(tag),
          taskQueue,
          args: [{ tag }],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
    );

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
    beginShadow: (tag: string, command: BeginShadowCommand): Promise<LedgerEntry> =>
      ask(tag, 'beginShadow', command),
    endShadow: (tag: string, command: EndShadowCommand): Promise<LedgerEntry | null> =>
      ask(tag, 'endShadow', command),
    /** What the tag would say to a shadow window now; null: nothing. */
    shadowObjection: (tag: string, wanted: WantedShadow): Promise<Objection | null> =>
      client.workflow
        .getHandle(tagWorkflowId(tag))
        .query<Objection | null, [WantedShadow]>('shadowObjection', wanted),
    /** The end of the tag's ledger. */
    ledgerHead: (tag: string): Promise<LedgerEnd> => ledgerHead(client, tag),
    /** Who triggered or backfilled the slot of an instant. */
    triggeredBy: (tag: string, slot: string): Promise<string[]> =>
      client.workflow.getHandle(tagWorkflowId(tag)).query<string[], [string]>('triggeredBy', slot),
    abortRollout: (tag: string, command: LeaseCommand): Promise<LedgerEntry | null> =>
      ask(tag, 'abortRollout', command),
    holdHost: (tag: string, command: HoldHostCommand): Promise<HostSpec> =>
      ask(tag, 'holdHost', command),
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

export interface Objection {
  type: string;
  message: string;
  details: Record<string, unknown>;
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
