import { CancellationScope, condition, setHandler, workflowInfo } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { Notice } from '../../temporal/contracts/notice.js';
import type { RolloutPlan } from '../../temporal/contracts/rollout-plan.js';
import type { RolloutRequest } from '../../temporal/contracts/runs.js';
import type { Asked, RolloutGrant } from '../../temporal/contracts/tag.js';
import { after } from '../../temporal/duration.js';
import { applicationFailure, failure, isFailure, type FailureType } from '../../temporal/errors.js';
import { requestHash } from '../../temporal/ids.js';
import { notice } from '../../temporal/messages.js';
import { tags } from '../proxies.js';
import type { Stages } from '../stages.js';

export type Granted = Extract<RolloutGrant, { state: 'granted' }>;

/** A lease is granted for an hour: a longer step renews it first. */
const RENEWED_FROM_MS = 1_800_000;
/** Where no opening of the change windows is in sight, it is looked for again after this. */
const LOOK_AGAIN_MS = 24 * 3_600_000;

const NO_PLAN: RolloutPlan = {
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
  /** Approvals given so far, as the tag tells. */
  approvals = 0;
  /** What the tag said of the end of the live model that this run made. */
  left: Extract<Notice, { about: 'left' }> | null = null;
  private lost: Extract<Notice, { about: 'lease' }> | null = null;
  private asks = 0;

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
    if (told.about === 'shadow' || told.about === 'left') return;
    if (told.lease !== this.granted?.lease) return;
    if (told.about === 'approval') this.approvals = told.have;
    else this.lost = told;
  }

  /** Waits for something or for a time, and not a moment longer than the lease is held. True: it happened. */
  async waitFor(happened: () => boolean, patienceMs: number): Promise<boolean> {
    const awaited = (): boolean => this.lost !== null || happened();
    if (patienceMs > 0) await condition(awaited, patienceMs);
    if (this.lost !== null) throw failure(this.lost.type as FailureType, this.lost.reason);
    return happened();
  }

  /** Lets a time pass under the lease. */
  async hold(ms: number): Promise<void> {
    if (ms >= RENEWED_FROM_MS) await this.renew({ until: this.in(ms) });
    await this.waitFor(() => false, ms);
  }

  renew(of: { until?: string; waitingFor?: 'approval' | 'window' | null }): Promise<string> {
    return tags.renewLease(this.request.tag, { ...this.step('renew'), ...of });
  }

  shift(weightPercent: number): Promise<LedgerEntry> {
    return this.inWindow('canary', () =>
      tags.shiftTraffic(this.request.tag, { ...this.step('shift'), weightPercent }),
    );
  }

  /** Whoever cancels while it is being written comes too late: it may be live already. */
  commit(): Promise<LedgerEntry> {
    const { tag } = this.request;
    return this.inWindow('commit', () => tags.commitRollout(tag, this.step('commit')));
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
  private async inWindow<Result>(stage: string, step: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await CancellationScope.nonCancellable(step);
      } catch (error) {
        if (!isFailure(error, 'WindowClosed')) throw error;
        await this.awaitWindow(stage, error);
      }
    }
  }

  private async awaitWindow(stage: string, closed: unknown): Promise<void> {
    const said = applicationFailure(closed);
    const { until } = (said?.details?.[0] ?? {}) as { until?: string | null };
    const opens = until ?? this.in(LOOK_AGAIN_MS);
    this.stages.wait(stage, { what: 'window', ...(until && { until }) });
    this.stages.detail(stage, said?.message ?? '');
    await this.renew({ until: opens, waitingFor: 'window' });
    await this.waitFor(() => false, Date.parse(opens) - Date.now());
    await this.renew({ waitingFor: null });
    this.stages.resume(stage);
  }

  private in(ms: number): string {
    return after(new Date().toISOString(), ms);
  }
}
