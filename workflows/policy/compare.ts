import type {
  EvaluationEvidence,
  Measured,
  MetricEvidence,
} from '../../temporal/contracts/evaluation.js';
import type { GateCheck, MetricRule, Verdict } from '../../temporal/contracts/gate.js';

type Interval = [number, number];
type Measurement = Pick<MetricEvidence, 'candidate' | 'incumbent' | 'intervals'>;

const NOT_MEASURED: Measurement = { candidate: null, incumbent: null, intervals: null };

/** The absolute bound of a rule, inclusive; null when the rule has none. */
export function thresholdCheck(rule: MetricRule, evidence: EvaluationEvidence): GateCheck | null {
  if (rule.threshold === undefined) return null;
  const name = `${ruleName(rule)} threshold`;
  const metric = find(rule, evidence);
  const unmeasured = notMeasured(rule, metric.candidate, `the candidate's ${ruleName(rule)}`);
  if (unmeasured) return check(name, unmeasured.verdict, unmeasured.reason, {});
  const candidate = metric.candidate as number;
  const holds =
    rule.direction === 'higher' ? candidate >= rule.threshold : candidate <= rule.threshold;
  const bound = `${rule.direction === 'higher' ? 'at least' : 'at most'} ${show(rule.threshold)}`;
  const reason = `${ruleName(rule)} ${show(candidate)} is ${holds ? '' : 'not '}${bound}`;
  return check(name, holds ? 'passed' : 'failed', reason, { candidate });
}

/** The margin over the incumbent on the same rows; null when the rule asks for none. */
export function improvementCheck(rule: MetricRule, evidence: EvaluationEvidence): GateCheck | null {
  if (
    rule.minImprovement === undefined &&
    rule.minRelativeImprovement === undefined &&
    rule.confidence === undefined
  ) {
    return null;
  }
  const name = `${ruleName(rule)} improvement`;
  if (evidence.incumbent === null) {
    return { ...check(name, 'passed', 'nothing is live to compare with', {}), decides: false };
  }
  const metric = find(rule, evidence);
  const unmeasured =
    notMeasured(rule, metric.candidate, `the candidate's ${ruleName(rule)}`) ??
    notMeasured(rule, metric.incumbent, `the incumbent's ${ruleName(rule)}`);
  if (unmeasured) return check(name, unmeasured.verdict, unmeasured.reason, {});
  return judgeDifference(rule, name, metric);
}

function judgeDifference(rule: MetricRule, name: string, metric: Measurement): GateCheck {
  const candidate = metric.candidate as number;
  const incumbent = metric.incumbent as number;
  const sign = rule.direction === 'higher' ? 1 : -1;
  const difference = sign * (candidate - incumbent);
  const margin = marginOf(rule, incumbent);
  const numbers = { candidate, incumbent, difference };
  const said = `${ruleName(rule)} ${show(candidate)} against ${show(incumbent)}: better by ${show(difference)}`;
  if (rule.confidence === undefined) {
    const better = difference > margin;
    return check(
      name,
      better ? 'passed' : 'failed',
      `${said}, ${better ? '' : 'not '}more than the margin ${show(margin)}`,
      numbers,
    );
  }
  const interval = turned(metric.intervals?.[String(rule.confidence)], sign);
  if (!interval) {
    return check(
      name,
      'inconclusive',
      `${said}, but no ${percent(rule.confidence)} interval of the difference was measured`,
      numbers,
    );
  }
  return judgeInterval({ confidence: rule.confidence, name, said, margin, interval, numbers });
}

function judgeInterval(of: {
  confidence: number;
  name: string;
  said: string;
  margin: number;
  interval: Interval;
  numbers: Numbers;
}): GateCheck {
  const [low, high] = of.interval;
  const verdict: Verdict =
    low > of.margin ? 'passed' : high <= of.margin ? 'failed' : 'inconclusive';
  const where = {
    passed: 'lies above',
    failed: 'does not reach beyond',
    inconclusive: 'reaches across',
  }[verdict];
  const reason = `${of.said}; its ${percent(of.confidence)} interval [${show(low)}, ${show(high)}] ${where} the margin ${show(of.margin)}`;
  return check(of.name, verdict, reason, { ...of.numbers, interval: of.interval });
}

/** The larger of the absolute and the relative margin; relative to |incumbent|, so that a negative metric keeps its sense. */
function marginOf(rule: MetricRule, incumbent: number): number {
  const margins = [
    ...(rule.minImprovement === undefined ? [] : [rule.minImprovement]),
    ...(rule.minRelativeImprovement === undefined
      ? []
      : [rule.minRelativeImprovement * Math.abs(incumbent)]),
  ];
  return margins.length === 0 ? 0 : Math.max(...margins);
}

/** An interval of candidate − incumbent, turned so that more is better. */
function turned(interval: Interval | undefined, sign: number): Interval | null {
  if (!interval) return null;
  const [low, high] = interval;
  return sign === 1 ? [low, high] : [-high, -low];
}

function find(rule: MetricRule, evidence: EvaluationEvidence): Measurement {
  const slice = rule.slice ?? null;
  const found = evidence.metrics.find(
    (metric) => metric.name === rule.name && metric.slice === slice,
  );
  return found ?? NOT_MEASURED;
}

function notMeasured(
  rule: MetricRule,
  value: Measured,
  what: string,
): { verdict: Verdict; reason: string } | null {
  if (typeof value === 'number' && Number.isFinite(value)) return null;
  if (value === null) {
    const verdict = rule.onMissing === 'fail' ? 'failed' : 'inconclusive';
    return { verdict, reason: `${what} was not measured` };
  }
  return { verdict: 'error', reason: `${what} is not a finite number` };
}

type Numbers = Partial<Pick<GateCheck, 'candidate' | 'incumbent' | 'difference' | 'interval'>>;

function check(rule: string, verdict: Verdict, reason: string, numbers: Numbers): GateCheck {
  return {
    rule,
    verdict,
    candidate: numbers.candidate ?? null,
    incumbent: numbers.incumbent ?? null,
    difference: numbers.difference ?? null,
    interval: numbers.interval ?? null,
    reason,
    decides: true,
  };
}

const ruleName = (rule: MetricRule): string =>
  rule.slice ? `${rule.name} of ${rule.slice}` : rule.name;
const percent = (confidence: number): string => `${String(Math.round(confidence * 1000) / 10)} %`;
const show = (value: number): string => String(Number(value.toPrecision(4)));
