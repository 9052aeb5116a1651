import type { GateCheck, Verdict } from '../../temporal/contracts/gate.js';
import type {
  ShadowCheck,
  ShadowEvidence,
  ShadowMeasure,
} from '../../temporal/contracts/shadow.js';
import { bare, worst } from './gate.js';

export interface ShadowRules {
  checks: readonly ShadowCheck[];
  minRequests: number;
}

export type Shown = Pick<ShadowEvidence, 'requests' | 'compared' | 'measures'>;

/**
 * Judges what a shadow window showed by its checks. Pure. A check fails when its metric is above `max`, which is inclusive;
 * 'score_mean_shift' goes both ways, so `max` bounds its size. No data is neither good nor bad: fewer compared requests than
 * asked for, a metric that was not measured, or no check that decides, is 'inconclusive', and what is no finite number is an
 * 'error'. A dry run decides nothing.
 */
export function judgeShadow(
  { checks, minRequests }: ShadowRules,
  { requests, compared, measures }: Shown,
): { verdict: Verdict; checks: GateCheck[] } {
  const judged = [
    enoughRequests(minRequests, requests.mirrored, compared),
    ...checks.map((check) => judgeCheck(check, measures[check.metric])),
    ...(checks.some(({ dryRun }) => dryRun !== true) ? [] : [nothingDecides()]),
  ];
  const deciding = judged.filter(({ decides }) => decides);
  return { verdict: worst(deciding.map(({ verdict }) => verdict)), checks: judged };
}

/** An answer without a score that can be compared says nothing by which the candidate is judged. */
function enoughRequests(
  minRequests: number,
  mirrored: number,
  compared: number | undefined,
): GateCheck {
  const enough = (compared ?? mirrored) >= minRequests;
  const answered = `the candidate answered ${String(mirrored)} copies of live requests`;
  const usable =
    compared === undefined ? '' : `, ${String(compared)} of them with scores to compare`;
  const said = `${answered}${usable}, ${enough ? 'at least' : 'fewer than'} the ${String(minRequests)} asked for`;
  return bare('requests', enough ? 'passed' : 'inconclusive', said);
}

function judgeCheck(
  { metric, max, dryRun }: ShadowCheck,
  measure: ShadowMeasure | undefined,
): GateCheck {
  const decides = dryRun !== true;
  const check = (verdict: Verdict, reason: string): GateCheck => ({
    ...bare(metric, verdict, reason),
    decides,
  });
  if (measure === undefined) return check('inconclusive', `${metric} could not be measured`);
  const { value, interval } = measure;
  if (!Number.isFinite(value))
    return check('error', `${metric} is ${String(value)}, not a finite number`);
  const verdict = (goesBothWays(metric) ? Math.abs(value) : value) <= max ? 'passed' : 'failed';
  return { ...check(verdict, inWords(metric, max, measure)), candidate: value, interval };
}

const goesBothWays = (metric: string): boolean => /^score_mean_shift(\[|$)/.test(metric);

function inWords(metric: string, max: number, { value, interval, samples }: ShadowMeasure): string {
  const size = goesBothWays(metric) ? `±${show(max)}` : show(max);
  const between = interval
    ? ` (${show(interval[0])} to ${show(interval[1])} at 95 % confidence)`
    : '';
  return `${metric} ${show(value)} against at most ${size}, of ${String(samples)} samples${between}`;
}

const nothingDecides = (): GateCheck =>
  bare('deciding checks', 'inconclusive', 'no check could decide: name one that is no dry run');

const show = (value: number): string => String(Number(value.toPrecision(4)));
