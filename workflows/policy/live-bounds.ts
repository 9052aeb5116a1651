import type { LiveCheck } from '../../temporal/contracts/rollout.js';
import { isTraffic, type Measure } from './live-measures.js';

export type LiveVerdict = 'passed' | 'failed' | 'no-data';

/** What one bound of a check says. */
export interface Judged {
  verdict: LiveVerdict;
  reason: string;
}

type Known = Extract<Measure, { value: number }>;

/** So that floating point does not put 3.3 beyond 1.1 × 3. */
const ROUNDING = 1e-12;

/** `incumbent` null: nothing was live before. */
export function judgeBounds(
  check: LiveCheck,
  candidate: Measure,
  incumbent: Measure | null,
): Judged[] {
  const known = enough('candidate', check, candidate);
  if ('verdict' in known) return [known];
  const { max, maxRatioToIncumbent: ratio } = check;
  return [
    ...(max === undefined ? [] : [atMost(known, max, describe(check.metric, known, max))]),
    ...(ratio === undefined ? [] : [judgeRatio(check, known, incumbent)]),
  ];
}

function judgeRatio(check: LiveCheck, candidate: Known, incumbent: Measure | null): Judged {
  if (incumbent === null)
    return { verdict: 'passed', reason: 'nothing was live before to compare with' };
  const known = enough('incumbent', check, incumbent);
  if ('verdict' in known) return known;
  const { metric, maxRatioToIncumbent: ratio = 1 } = check;
  const base = Math.max(known.value, ratioFloor(metric, candidate, known));
  const bound = base >= 0 ? ratio * base : base + (ratio - 1) * Math.abs(base);
  const floored = base > known.value ? ` (taken as ${show(base)})` : '';
  const against = `${show(ratio)} × the incumbent's ${show(known.value)}${floored}`;
  const said = `${describe(metric, candidate, bound)}, ${against}`;
  return atMost(candidate, bound + Math.abs(bound) * ROUNDING, said);
}

/**
 * The least that a ratio is taken to. One error in the smaller of both samples: where the incumbent had none, a single error
 * of the candidate is chance, and many are not. One millisecond: nobody waits for less. Metrics of the registry have none.
 */
function ratioFloor(metric: string, candidate: Known, incumbent: Known): number {
  if (metric === 'error_rate') return 1 / Math.min(candidate.samples, incumbent.samples);
  return isTraffic(metric) ? 1 : Number.NEGATIVE_INFINITY;
}

function enough(
  who: 'candidate' | 'incumbent',
  { minSamples = 1 }: LiveCheck,
  measured: Measure,
): Known | Judged {
  const lacks = (why: string): Judged => ({ verdict: 'no-data', reason: `the ${who}: ${why}` });
  if (measured.value === null) return lacks(measured.missing);
  if (measured.samples >= minSamples) return measured;
  return lacks(`${String(measured.samples)} samples of the ${String(minSamples)} asked for`);
}

function atMost({ value }: Known, bound: number, described: string): Judged {
  return { verdict: value <= bound ? 'passed' : 'failed', reason: described };
}

function describe(metric: string, { value }: Known, bound: number): string {
  return `${metric} ${show(value)} against at most ${show(bound)}`;
}

const show = (value: number): string => String(Number(value.toPrecision(4)));
