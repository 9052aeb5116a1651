import { CancellationScope, condition, setHandler, workflowInfo } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { Notice } from '../../temporal/contracts/notice.js';
import type { RolloutPlan } from '../../temporal/contracts/rollout-plan.js';
import type { RolloutRequest } from '../../temporal/contracts/runs.js';
import type { Asked, RenewLeaseCommand, RolloutGrant } from '../../temporal/contracts/tag.js';
import { after } from '../../temporal/duration.js';
import { applicationFailure, failure, isFailure, type FailureType } from '../../temporal/errors.js';
import { requestHash } from '../../temporal/ids.js';
import { notice } from '../../temporal/messages.js';
import { tags } from '../proxies.js';
import type { Stages } from '../stages.js';

/** What is done while a step waits for its window; it throws to end the rollout. */
export interface Look {
  everyMs: number;
  now: () => Promise<void>;
}

export type Granted = Extract<RolloutGrant, { state: 'granted' }>;

/** A lease that would end this soon after a wait is renewed before it. */
const MARGIN_MS = 600_000;
/** A longer wait renews its lease so often, and asks the tag what it may have missed. */
const SLICE_MS = 6 * 3_600_000;
/** How long a run that lost its lease waits to hear by what. */
const WORD_PATIENCE = '5s';
/** Where no opening of the change windows is in sight, it is looked for again after this. */
const LOOK_AGAIN_MS = 24 * 3_600_000;

const NO_PLAN: RolloutPlan = {
  shadow: null,
  approval: null,
  steps: [],
  watch: '0s',
  checks: [],
  checkEvery: '1m',
  windows: null,
  incumbent: null,
};

/** The run as the holder of its tag's lease: what it asks of the tag, and what the tag tells it. */
export class Holder {
  readonly workflowId = workflowInfo().workflowId;
  readonly request: RolloutRequest;
  readonly stages: Stages;
  granted: Granted | null = null;
  /** What the tag said of the end of the live model that this run made. */
  left: Extract<Notice, { about: 'left' }> | null = null;
  /** The tag's last words on a lease: they may come before the answer that grants it. */
  private approved: Extract<Notice, { about: 'approval' }> | null = null;
  private ended: Extract<Notice, { about: 'lease' }> | null = null;
  /** As the tag said last: it begins when a shadow window is over. */
  private approvalUntil: string | null = null;
  private asks = 0;
  private deadline = '';

  constructor(request: RolloutRequest, stages: Stages) {
    this.request = request;
    this.stages = stages;
    setHandler(notice, (told) => {
      this.hear(told);
    });
  }

  get plan(): RolloutPlan {
    return this.granted?.plan ?? NO_PLAN;
  }

  private hear(told: Notice): void {
    if (told.about === 'left') this.left = told;
    if (told.about === 'approval') this.approved = told;
    if (told.about === 'lease') this.ended = told;
  }

  /** Approvals given so far, as the tag tells. */
  get approvals(): number {
    return this.ofLease(this.approved)?.have ?? 0;
  }

  /** Until when it may be approved. */
  get approvalEnd(): string {
    return this.approvalUntil ?? this.plan.approval?.expiresAt ?? '';
  }

  private get lost(): Extract<Notice, { about: 'lease' }> | null {
    return this.ofLease(this.ended);
  }

  private ofLease<Told extends { lease: string }>(told: Told | null): Told | null {
    return told !== null && told.lease === this.granted?.lease ? told : null;
  }

  /**
   * Waits for something or for a time, and not a moment longer than the lease is held, which it keeps renewed. True: it
   * happened.
   */
  async waitFor(happened: () => boolean, patienceMs: number): Promise<boolean> {
    const end = Date.now() + patienceMs;
    const awaited = (): boolean => this.lost !== null || happened();
    for (let leftMs = patienceMs; leftMs > 0; leftMs = end - Date.now()) {
      const ms = Math.min(leftMs, SLICE_MS);
      await this.keep(ms);
      if (awaited() || (await condition(awaited, ms))) break;
    }
    if (this.lost !== null) throw failure(this.lost.type as FailureType, this.lost.reason);
    return happened();
  }

  /** Lets a time pass under the lease. */
  async hold(ms: number): Promise<void> {
    await this.waitFor(() => false, ms);
  }

  async renew(of: { until?: string; waitingFor?: RenewLeaseCommand['waitingFor'] }): Promise<void> {
    const heard = this.approved;
    const { tag } = this.request;
    const command = { ...this.step('renew'), ...of };
    const renewed = await this.asHolder(() => tags.renewLease(tag, command));
    this.deadline = renewed.deadline;
    this.approvalUntil = renewed.approvalUntil ?? null;
    // What was heard meanwhile is newer than the answer.
    if (this.approved !== heard) return;
    const lease = this.granted?.lease ?? '';
    this.approved = { about: 'approval', lease, have: renewed.approvals };
  }

  /** The lease lasts through the time to come. */
  private async keep(ms: number): Promise<void> {
    const until = this.in(ms);
    if (this.lost === null && this.deadline < after(until, MARGIN_MS)) await this.renew({ until });
  }

  /** Whoever took the lease has said why, and the word may come a little later than the refusal. */
  private async asHolder<Result>(step: () => Promise<Result>): Promise<Result> {
    try {
      return await step();
    } catch (error) {
      if (!isFailure(error, 'LeaseLost', 'Superseded') || !this.granted?.plan) throw error;
      await condition(() => this.lost !== null, WORD_PATIENCE);
      throw this.lost ? failure(this.lost.type as FailureType, this.lost.reason) : error;
    }
  }

  take(granted: Granted): void {
    this.granted = granted;
    this.deadline = granted.deadline;
    this.approved ??= {
      about: 'approval',
      lease: granted.lease,
      have: granted.plan?.approval?.given.length ?? 0,
    };
  }

  shift(weightPercent: number, look: Look): Promise<LedgerEntry> {
    const step = (): Promise<LedgerEntry> =>
      tags.shiftTraffic(this.request.tag, { ...this.step('shift'), weightPercent });
    return this.inWindow('canary', step, look);
  }

  /** Whoever cancels while it is being written comes too late: it may be live already. */
  commit(look: Look): Promise<LedgerEntry> {
    const { tag } = this.request;
    return this.inWindow('commit', () => tags.commitRollout(tag, this.step('commit')), look);
  }

  /** Takes the traffic off this run's model, candidate or live, and keeps the version from coming back. */
  rollBack(reason: string): Promise<LedgerEntry> {
    const { tag, version } = this.request;
    const asked = { ...this.asked('rollback'), actor: 'modelyard', reason: reason.slice(0, 400) };
    return tags.rollBack(tag, { asked, from: version });
  }

  /** Ends a lease that was not used. One that the entity has ended itself had its host retired, which this run may have made again. */
  async giveBack(reason?: string): Promise<void> {
    const { granted } = this;
    if (granted === null) return;
    const { tag } = this.request;
    const step = this.step('abort', reason);
    const ended = await tags.abortRollout(tag, step);
    const { host } = granted;
    if (ended === null) await tags.releaseHost(tag, { asked: this.asked('release'), host });
    this.granted = null;
  }

  asked(step: string, why?: string): Asked {
    const { actor, reason, tag } = this.request;
    this.asks += 1;
    // The run id, because a rollout that failed may be started again under its workflow id, and asks anew.
    const key = `${this.workflowId}:${workflowInfo().runId}:${step}:${String(this.asks)}`;
    return {
      actor,
      reason: (why ?? reason).slice(0, 400),
      workflowId: this.workflowId,
      key,
      hash: requestHash(step, tag, { key }),
    };
  }

  private step(name: string, reason?: string): { asked: Asked; lease: string; step: number } {
    const asked = this.asked(name, reason);
    return { asked, lease: this.granted?.lease ?? '', step: this.asks };
  }

  /** A step towards the candidate waits for the change windows; it is cancelled while it waits, and not while it is made. */
  private async inWindow<Result>(
    stage: string,
    step: () => Promise<Result>,
    look: Look,
  ): Promise<Result> {
    for (;;) {
      try {
        return await CancellationScope.nonCancellable(() => this.asHolder(step));
      } catch (error) {
        if (!isFailure(error, 'WindowClosed')) throw error;
        await this.awaitWindow(stage, error, look);
      }
    }
  }

  private async awaitWindow(stage: string, closed: unknown, look: Look): Promise<void> {
    const said = applicationFailure(closed);
    const { until } = (said?.details?.[0] ?? {}) as { until?: string | null };
    const opens = until ?? this.in(LOOK_AGAIN_MS);
    this.stages.wait(stage, { what: 'window', ...(until && { until }) });
    this.stages.detail(stage, said?.message ?? '');
    await this.renew({ waitingFor: 'window' });
    // A candidate that keeps its share over a weekend is looked at all the while, ever more rarely.
    for (let waitedMs = 0; Date.parse(opens) > Date.now();) {
      const leftMs = Date.parse(opens) - Date.now();
      const pauseMs = Math.min(leftMs, Math.max(look.everyMs, waitedMs / 10));
      await this.hold(pauseMs);
      waitedMs += pauseMs;
      await look.now();
    }
    await this.renew({ waitingFor: null });
    this.stages.resume(stage);
  }

  private in(ms: number): string {
    return after(new Date().toISOString(), ms);
  }
}
