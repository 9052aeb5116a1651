import type { GateReport } from '../temporal/contracts/gate.js';
import type {
  RetrainResult as RetrainRecord,
  RolloutResult as RolloutRecord,
} from '../temporal/contracts/runs.js';
import { approve, reject, rolloutOf, withdraw } from './approvals.js';
import { RunFailedError } from './errors.js';
import { toRetrainResult, toShadowReport } from './records.js';
import { commitOrEnd, RolloutRun } from './rollout-handle.js';
import { cancelRun, Run } from './run-handle.js';
import { followedStatus, runStatus } from './run-status.js';
import { awaitRun, describeRun, observeRun, viewRun } from './run-watch.js';
import type { Session } from './session.js';
import type {
  ApproveOptions,
  CommentOptions,
  Decision,
  RetrainHandle,
  RetrainResult,
  RolloutHandle,
  RunStatus,
} from './types.js';

/** A retrain ends with the gate's verdict; its handle goes on to the end of the rollout it started. */
export class RetrainRun extends Run<RetrainResult> implements RetrainHandle {
  declare readonly kind: 'retrain';
  readonly #session: Session;

  constructor(session: Session, workflowId: string) {
    super(session, {
      kind: 'retrain',
      workflowId,
      toResult: (record) => toRetrainResult(record as RetrainRecord),
    });
    this.#session = session;
  }

  override async status(): Promise<RunStatus> {
    const [execution, view] = await Promise.all([
      describeRun(this.#session, this.workflowId),
      viewRun(this.#session, this.workflowId),
    ]);
    const own = runStatus('retrain', execution, view);
    if (view.rolloutWorkflowId === null) return own;
    const [rollout, rolloutView] = await Promise.all([
      describeRun(this.#session, view.rolloutWorkflowId),
      viewRun(this.#session, view.rolloutWorkflowId),
    ]);
    return followedStatus(own, runStatus('rollout', rollout, rolloutView), rolloutView);
  }

  override async result(): Promise<RetrainResult> {
    const record = await this.#ownResult();
    const result = toRetrainResult(record);
    if (record.rolloutWorkflowId === null) return result;
    const end = await commitOrEnd(this.#session, record.rolloutWorkflowId);
    const shadow = end.result?.shadow ? toShadowReport(end.result.shadow) : result.shadow;
    if (end.entry) return { ...result, decision: 'promoted', shadow };
    return {
      ...result,
      decision: decisionOf(end.result.outcome),
      reason: end.result.reason,
      shadow,
    };
  }

  async gate(): Promise<GateReport> {
    for await (const { view } of observeRun(this.#session, this.workflowId)) {
      if (view?.gate) return view.gate;
    }
    const { gate, decision, reason } = await this.#ownResult();
    if (gate) return gate;
    throw new RunFailedError(
      `Run ${this.workflowId} ended '${decision}' before its gate: ${reason}`,
      {
        workflowId: this.workflowId,
        stage: 'gate',
        failureType: decision,
      },
    );
  }

  async rollout(): Promise<RolloutHandle | null> {
    const { rolloutWorkflowId } = await this.#ownResult();
    return rolloutWorkflowId === null ? null : new RolloutRun(this.#session, rolloutWorkflowId);
  }

  async approve(options?: ApproveOptions): Promise<void> {
    await approve(this.#session, await rolloutOf(this.#session, this.workflowId), options);
  }

  async reject(options: CommentOptions): Promise<void> {
    await reject(this.#session, await rolloutOf(this.#session, this.workflowId), options);
  }

  async withdraw(options: CommentOptions): Promise<void> {
    await withdraw(this.#session, await rolloutOf(this.#session, this.workflowId), options);
  }

  /** A candidate that is live stays: taking it back is a rollback, with a reason in the ledger. */
  override async cancel(reason: string): Promise<void> {
    await cancelRun(this.#session, this.workflowId, reason);
    const view = await viewRun(this.#session, this.workflowId);
    if (view.rolloutWorkflowId === null) return;
    const rollout = await viewRun(this.#session, view.rolloutWorkflowId);
    if (rollout.committed === null) await cancelRun(this.#session, view.rolloutWorkflowId, reason);
  }

  protected override async *statuses(): AsyncGenerator<RunStatus> {
    let last: RunStatus | undefined;
    let rolloutId: string | null = null;
    for await (const { execution, view } of observeRun(this.#session, this.workflowId)) {
      last = runStatus('retrain', execution, view);
      rolloutId = view?.rolloutWorkflowId ?? null;
      if (rolloutId === null) yield last;
    }
    if (last === undefined || rolloutId === null) return;
    for await (const { execution, view } of observeRun(this.#session, rolloutId)) {
      yield followedStatus(last, runStatus('rollout', execution, view), view);
    }
  }

  #ownResult(): Promise<RetrainRecord> {
    return awaitRun<RetrainRecord>(this.#session, this.workflowId);
  }
}

/** 'rolled-back' is told of a rollout whose candidate was live, which the retrain's decision calls promoted. */
function decisionOf(outcome: RolloutRecord['outcome']): Decision {
  return outcome === 'rolled-back' ? 'promoted' : outcome;
}
