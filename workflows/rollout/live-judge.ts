import { isCancellation, log } from '@temporalio/workflow';
import type { ModelFigures, TrafficFigures } from '../../temporal/contracts/figures.js';
import type { ModelRecord } from '../../temporal/contracts/model.js';
import type { RolloutPlan } from '../../temporal/contracts/rollout-plan.js';
import { modelId } from '../../temporal/ids.js';
import { judgeLive, type LiveReport } from '../policy/live-checks.js';
import { isTraffic, type Observation, type RegistryFigure } from '../policy/live-measures.js';
import { figuresBetween } from '../policy/window-figures.js';
import { monitoring } from '../proxies.js';

/** Judges a candidate, or the live model it became, by what its callers got and by what the registry holds of it. */
export class LiveJudge {
  /** The figures from which on the window counts; null: they could not be read. */
  since: TrafficFigures | null = null;
  /** Since when what the registry holds counts, and the first window's figures. */
  loggedSince: string | null = null;
  private firstSince: TrafficFigures | null = null;
  /** The incumbent's figures from before it was replaced, to compare with when it serves no more. */
  baseline: ModelFigures | null = null;
  /** The incumbent serves no more: what is known of it is of before. */
  afterCommit = false;
  private readonly tag: string;
  private readonly candidate: ModelRecord;
  private readonly plan: RolloutPlan;

  constructor(tag: string, candidate: ModelRecord, plan: RolloutPlan) {
    this.tag = tag;
    this.candidate = candidate;
    this.plan = plan;
  }

  /** A window begins here. */
  async begin(): Promise<void> {
    if (this.plan.checks.length === 0) return;
    this.loggedSince = new Date().toISOString();
    this.since = await this.figures();
    this.firstSince ??= this.since;
  }

  get hasBegun(): boolean {
    return this.loggedSince !== null;
  }

  /** What the incumbent's callers got beside the candidate, or since the gateway counts, kept for the watch. */
  async keepBaseline(): Promise<void> {
    const { incumbent, checks } = this.plan;
    if (incumbent === null || !checks.some((check) => check.maxRatioToIncumbent !== undefined))
      return;
    const now = await this.figures();
    const id = modelId(this.tag, incumbent.version);
    if (now) this.baseline = figuresBetween(this.firstSince, now, id);
  }

  /**
   * Judges the window from its beginning until now; one that was judged conclusively ends, and the next one begins. The
   * traffic's windows and those of what the registry holds end apart: what is logged once a day must not stretch the others.
   */
  async judge(): Promise<LiveReport> {
    if (this.plan.checks.length === 0) return judgeLive([], NOTHING);
    const now = await this.figures();
    const at = new Date().toISOString();
    const report = judgeLive(this.plan.checks, {
      since: this.loggedSince ?? EVER,
      candidate: await this.observed(this.candidate, now),
      incumbent: this.plan.incumbent && (await this.observed(this.plan.incumbent, now)),
      ...(this.afterCommit && { incumbentSince: EVER }),
    });
    if (now && conclusive(report, isTraffic)) this.since = now;
    if (conclusive(report, (metric) => !isTraffic(metric))) this.loggedSince = at;
    return report;
  }

  private async observed(model: ModelRecord, now: TrafficFigures | null): Promise<Observation> {
    const id = modelId(this.tag, model.version);
    const replaced = this.afterCommit && model.version === this.plan.incumbent?.version;
    const traffic = replaced ? this.baseline : now && figuresBetween(this.since, now, id);
    return { traffic, registry: await this.logged(model) };
  }

  private async logged(model: ModelRecord): Promise<Record<string, RegistryFigure | null>> {
    const names = this.plan.checks.map(({ metric }) => metric).filter((name) => !isTraffic(name));
    const runId = model.registryRunId;
    const figures = names.map(
      async (name) =>
        [name, await unlessAway(() => monitoring.readMetric({ runId, name }))] as const,
    );
    return Object.fromEntries(await Promise.all(figures));
  }

  private figures(): Promise<TrafficFigures | null> {
    return unlessAway(() => monitoring.readFigures(this.tag));
  }
}

/** Whether every check of a kind had its data, and there is one. */
function conclusive({ checks }: LiveReport, kind: (metric: string) => boolean): boolean {
  const of = checks.filter(({ metric }) => kind(metric));
  return of.length > 0 && of.every(({ verdict }) => verdict !== 'no-data');
}

const EVER = new Date(0).toISOString();

const NOTHING = {
  since: EVER,
  candidate: { traffic: null, registry: {} },
  incumbent: null,
};

/** What cannot be read is not there: no data, which is neither good nor bad. */
async function unlessAway<Answer>(read: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await read();
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('live figures could not be read', { said: String(error) });
    return null;
  }
}

/** The sentences that a report is decided by. */
export const reasonOf = ({ checks, verdict }: LiveReport): string =>
  checks
    .filter((check) => check.verdict === verdict)
    .map(({ metric, reason }) => `${metric}: ${reason}`)
    .join('; ')
    .slice(0, 380);
