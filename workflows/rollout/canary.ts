import type { RolloutResult } from '../../temporal/contracts/runs.js';
import { msOf } from '../../temporal/duration.js';
import type { LiveReport } from '../policy/live-checks.js';
import type { Holder, Look } from './holder.js';
import { reasonOf, type LiveJudge } from './live-judge.js';

export type Ending = Pick<RolloutResult, 'outcome' | 'reason'>;

/** A check that asks to wait for data is given the step's hold once more, and at least this many looks. */
const FEWEST_LOOKS = 5;

/** Gives the candidate its shares one after the other. Null: every step passed; else what it came to. */
export async function climb(holder: Holder, judge: LiveJudge): Promise<Ending | null> {
  for (const { weightPercent, hold } of holder.plan.steps) {
    holder.stages.detail('canary', `${String(weightPercent)} % for ${hold}`);
    await holder.shift(weightPercent, looking(holder, judge));
    await judge.begin();
    await holder.hold(msOf(hold));
    const ended = await judged(holder, judge, msOf(hold));
    if (ended !== null) return ended;
  }
  return null;
}

/** A rollout that is over before its end, from deep within a step. */
export class Ended extends Error {
  readonly ending: Ending;

  constructor(ending: Ending) {
    super(ending.reason);
    this.ending = ending;
  }
}

/** While a step waits for its window, a candidate with a share of the traffic is judged as in a step. */
export function looking(holder: Holder, judge: LiveJudge): Look {
  const { checks, checkEvery } = holder.plan;
  return {
    everyMs: judge.hasBegun && checks.length > 0 ? msOf(checkEvery) : Infinity,
    now: async () => {
      if (!judge.hasBegun) return;
      const report = await judge.judge();
      if (report.verdict === 'failed') throw new Ended(await failed(holder, report));
    },
  };
}

async function judged(holder: Holder, judge: LiveJudge, holdMs: number): Promise<Ending | null> {
  const everyMs = msOf(holder.plan.checkEvery);
  const patienceMs = Math.max(holdMs, FEWEST_LOOKS * everyMs);
  for (let waitedMs = 0; ;) {
    const report = await judge.judge();
    holder.stages.detail('canary', said(report));
    if (report.verdict === 'passed') return null;
    if (report.verdict === 'failed') return failed(holder, report);
    if (report.onNoData !== 'pause' && waitedMs >= patienceMs)
      return { outcome: 'inconclusive', reason: `too little data: ${reasonOf(report)}` };
    // Looks grow rarer, so that a candidate nobody calls for days does not fill its history.
    const pauseMs = Math.max(everyMs, waitedMs / 10);
    await holder.hold(pauseMs);
    waitedMs += pauseMs;
  }
}

async function failed(holder: Holder, report: LiveReport): Promise<Ending> {
  const reason = `live check failed: ${reasonOf(report)}`;
  await holder.rollBack(reason);
  holder.granted = null;
  return { outcome: 'aborted', reason };
}

const said = (report: LiveReport): string =>
  report.checks.length === 0 ? 'held' : `${report.verdict}: ${reasonOf(report)}`;
