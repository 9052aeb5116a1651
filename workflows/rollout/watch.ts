import { condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { RolloutRequest, Watching } from '../../temporal/contracts/runs.js';
import { after, msOf } from '../../temporal/duration.js';
import { isFailure } from '../../temporal/errors.js';
import type { Ending } from './canary.js';
import type { Holder } from './holder.js';
import { reasonOf, type LiveJudge } from './live-judge.js';

/** A watch of days goes on in a new page of its run. */
const EVENTS_PER_PAGE = 4_000;

export type Goes = Omit<Watching, 'since' | 'loggedSince' | 'baseline'>;

/** Looks at the live model until the watch is over. A failed check, and a rollback by anybody, end it. */
export async function watch(holder: Holder, judge: LiveJudge, goes: Goes): Promise<Ending> {
  const { entry, plan } = goes;
  const until = after(entry.at, msOf(plan.watch));
  let { judged } = goes;
  for (;;) {
    const leftMs = Date.parse(until) - Date.now();
    const everyMs = plan.checks.length === 0 ? leftMs : msOf(plan.checkEvery);
    if (leftMs > 0) await condition(() => holder.left !== null, Math.min(everyMs, leftMs));
    const report = await judge.judge();
    // Asked after the look: somebody may have rolled back while it was taken.
    const { left } = holder;
    if (left !== null) return rolledBack(left);
    if (report.verdict === 'failed') return failed(holder, reasonOf(report));
    judged ||= report.verdict === 'passed';
    holder.stages.detail('watch', `${report.verdict}${said(reasonOf(report))}`);
    if (Date.parse(until) <= Date.now()) return passed(entry, judged ? '' : reasonOf(report));
    if (isFull(holder)) await turnPage(holder, judge, { ...goes, judged });
  }
}

function isFull({ request }: Holder): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return historyLength >= (request.eventsPerPage ?? EVENTS_PER_PAGE) || continueAsNewSuggested;
}

/** The model goes the way a person would send it; one that nothing was live before stays, because nothing else could answer. */
async function failed(holder: Holder, why: string): Promise<Ending> {
  const reason = `live check failed: ${why}`;
  try {
    const entry = await holder.rollBack(reason);
    return { outcome: 'rolled-back', reason: entry.reason };
  } catch (error) {
    if (!isFailure(error, 'NoRollbackTarget')) throw error;
    return { outcome: 'promoted', reason: `${reason}; nothing to roll back to, so it stays live` };
  }
}

const rolledBack = ({ action, reason }: NonNullable<Holder['left']>): Ending => ({
  outcome: 'rolled-back',
  reason: `${action}: ${reason}`,
});

const passed = (entry: LedgerEntry, unjudged: string): Ending => ({
  outcome: 'promoted',
  reason: unjudged === '' ? entry.reason : `${entry.reason}; not judged by its watch: ${unjudged}`,
});

async function turnPage(holder: Holder, judge: LiveJudge, goes: Goes): Promise<never> {
  const { since, loggedSince, baseline } = judge;
  const { stages } = holder.stages.view;
  const watching = { ...goes, stages, since, loggedSince, baseline };
  return continueAsNew<(request: RolloutRequest) => Promise<unknown>>({
    ...holder.request,
    watching,
  });
}

const said = (reason: string): string => (reason === '' ? '' : `: ${reason}`);
