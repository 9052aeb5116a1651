import type { LedgerEntry as LedgerRecord } from '../temporal/contracts/ledger.js';
import type { RolloutResult as RolloutRecord } from '../temporal/contracts/runs.js';
import { approve, reject, withdraw } from './approvals.js';
import { RunFailedError } from './errors.js';
import { toLedgerEntry, toRolloutResult } from './records.js';
import { Run } from './run-handle.js';
import { awaitRun, observeRun } from './run-watch.js';
import type { Session } from './session.js';
import type {
  ApproveOptions,
  CommentOptions,
  LedgerEntry,
  RolloutHandle,
  RolloutResult,
} from './types.js';

export class RolloutRun extends Run<RolloutResult> implements RolloutHandle {
  declare readonly kind: 'rollout';
  readonly #session: Session;

  constructor(session: Session, workflowId: string) {
    super(session, {
      kind: 'rollout',
      workflowId,
      toResult: (record) => toRolloutResult(record as RolloutRecord),
    });
    this.#session = session;
  }

  async committed(): Promise<LedgerEntry> {
    const end = await commitOrEnd(this.#session, this.workflowId);
    if (end.entry) return toLedgerEntry(end.entry);
    throw new RunFailedError(
      `Rollout ${this.workflowId} ended '${end.result.outcome}' and was not committed: ${end.result.reason}`,
      { workflowId: this.workflowId, stage: 'commit', failureType: end.result.outcome },
    );
  }

  async approve(options?: ApproveOptions): Promise<void> {
    await approve(this.#session, this.workflowId, options);
  }

  async reject(options: CommentOptions): Promise<void> {
    await reject(this.#session, this.workflowId, options);
  }

  async withdraw(options: CommentOptions): Promise<void> {
    await withdraw(this.#session, this.workflowId, options);
  }
}

type CommitOrEnd =
  { entry: LedgerRecord; result: RolloutRecord | null } | { entry: null; result: RolloutRecord };

/** Waits until the rollout's candidate is live, or the rollout has ended another way; rejects when it failed. */
export async function commitOrEnd(session: Session, workflowId: string): Promise<CommitOrEnd> {
  for await (const { view } of observeRun(session, workflowId)) {
    if (view?.committed) return { entry: view.committed, result: null };
  }
  // No worker may have been there to ask, so the result speaks: only these two outcomes follow a commit.
  const result = await awaitRun<RolloutRecord>(session, workflowId);
  const wasLive = result.outcome === 'promoted' || result.outcome === 'rolled-back';
  return wasLive && result.entry ? { entry: result.entry, result } : { entry: null, result };
}
