import type { LiveCheck } from '../../temporal/contracts/rollout.js';
import { judgeBounds, type LiveVerdict } from './live-bounds.js';
import { measure, type Observation } from './live-measures.js';

export type OnNoData = NonNullable<LiveCheck['onNoData']>;

export interface Observed {
  /** The window's start: metrics of the registry have to be newer. ISO-8601 in UTC. */
  since: string;
  candidate: Observation;
  /** null: nothing was live before. */
  incumbent: Observation | null;
  /** The same for the incumbent; absent: `since`. After the commit nobody logs more of it, and what was logged is what is known. */
  incumbentSince?: string;
}

export interface LiveCheckReport {
  metric: string;
  verdict: LiveVerdict;
  candidate: number | null;
  incumbent: number | null;
  /** Of the candidate. */
  samples: number;
  reason: string;
}

export interface LiveReport {
  verdict: LiveVerdict;
  /** The strictest word of the checks that lacked data, 'fail' before 'pause' before 'wait'; null when none did. */
  onNoData: OnNoData | null;
  checks: LiveCheckReport[];
}

/** Worst last. */
const SEVERITY: readonly LiveVerdict[] = ['passed', 'no-data', 'failed'];
const STRICTNESS: readonly OnNoData[] = ['wait', 'pause', 'fail'];

/**
 * Judges a window's figures by the live checks of a rollout. Pure.
 *
 * A report fails when one check fails, whatever others lack; else it has no data when one check has none; else it passes, as
 * it does without checks. A check fails when one of its bounds is broken, and passes when all of them hold. They are inclusive:
 * - `max`: the candidate's value is at most it.
 * - `maxRatioToIncumbent` r: it is at most r × the incumbent's. An incumbent's error rate counts as one error in the smaller
 *   of both samples at least, its latency as 1 ms at least. For a metric v below zero the same distance is left on its other
 *   side, v + (r − 1)·|v|. Where nothing was live before there is nothing to compare with, and the bound holds.
 *
 * No data is neither good nor bad: fewer than `minSamples` (default 1) requests of the candidate, for a ratio also of the
 * incumbent, or a value that is absent, not newer than the window's start, or not finite. `onNoData` says what comes of it:
 * 'wait' (default) and 'pause' are the caller's to do, 'fail' fails the check.
 */
export function judgeLive(checks: readonly LiveCheck[], observed: Observed): LiveReport {
  const judged = checks.map((check) => judgeCheck(check, observed));
  const lacking = checks.filter((_, index) => judged[index]?.verdict === 'no-data').map(onNoDataOf);
  const reports = checks.map((check, index) =>
    failedForLack(check, judged[index] as LiveCheckReport),
  );
  return {
    verdict: worst(reports.map(({ verdict }) => verdict)),
    onNoData: STRICTNESS.findLast((word) => lacking.includes(word)) ?? null,
    checks: reports,
  };
}

function judgeCheck(check: LiveCheck, observed: Observed): LiveCheckReport {
  const { metric } = check;
  const candidate = measure(metric, observed.candidate, observed.since);
  const incumbent =
    observed.incumbent &&
    measure(metric, observed.incumbent, observed.incumbentSince ?? observed.since);
  const bounds = judgeBounds(check, candidate, incumbent);
  const verdict = worst(bounds.map((bound) => bound.verdict));
  const decisive = bounds.filter((bound) => bound.verdict === verdict);
  return {
    metric,
    verdict,
    candidate: candidate.value,
    incumbent: incumbent?.value ?? null,
    samples: candidate.samples,
    reason: decisive.map(({ reason }) => reason).join('; '),
  };
}

function failedForLack(check: LiveCheck, report: LiveCheckReport): LiveCheckReport {
  if (report.verdict !== 'no-data' || onNoDataOf(check) !== 'fail') return report;
  return { ...report, verdict: 'failed', reason: `${report.reason}, and onNoData is 'fail'` };
}

const onNoDataOf = ({ onNoData }: LiveCheck): OnNoData => onNoData ?? 'wait';

const worst = (verdicts: readonly LiveVerdict[]): LiveVerdict =>
  SEVERITY.findLast((verdict) => verdicts.includes(verdict)) ?? 'passed';
