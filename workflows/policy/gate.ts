import type { EvaluationEvidence } from '../../temporal/contracts/evaluation.js';
import type {
  GateCheck,
  GatePolicy,
  GateReport,
  MetricRule,
  Verdict,
} from '../../temporal/contracts/gate.js';
import { digestOf } from '../../temporal/digest.js';
import { improvementCheck, thresholdCheck } from './compare.js';

/** Worst last: the verdict of a gate is the worst of the checks that decide. */
const SEVERITY: readonly Verdict[] = ['passed', 'inconclusive', 'failed', 'error', 'cancelled'];

/** Judges evidence by a policy. Pure: the same for a run, for `simulate` and for tests. */
export function judge(policy: GatePolicy, evidence: EvaluationEvidence): GateReport {
  const rules = policy.metrics.flatMap((rule) => judgeRule(rule, evidence));
  const checks = [
    ...preconditions(policy, evidence),
    ...rules,
    ...(rules.some((check) => check.decides) ? [] : [nothingDecides()]),
  ];
  const { digest, rows, from, to } = evidence.holdout;
  return {
    verdict: worst(checks.filter((check) => check.decides).map((check) => check.verdict)),
    checks,
    holdout: { digest, rows, ...(from && { from }), ...(to && { to }) },
    policyDigest: digestOf(policy),
  };
}

export function worst(verdicts: readonly Verdict[]): Verdict {
  const rank = (verdict: Verdict): number => SEVERITY.indexOf(verdict);
  return verdicts.reduce<Verdict>(
    (most, each) => (rank(each) > rank(most) ? each : most),
    'passed',
  );
}

function judgeRule(rule: MetricRule, evidence: EvaluationEvidence): GateCheck[] {
  const decides = rule.dryRun !== true;
  return [thresholdCheck(rule, evidence), improvementCheck(rule, evidence)]
    .filter((check) => check !== null)
    .map((check) => ({ ...check, decides: decides && check.decides }));
}

function preconditions(policy: GatePolicy, evidence: EvaluationEvidence): GateCheck[] {
  return [
    sameHoldout(evidence),
    enoughRows(policy.minHoldoutRows ?? 1, evidence.holdout.rows),
    unseen('candidate', evidence.candidateTrainedOnRows),
    unseen('incumbent', evidence.incumbentTrainedOnRows),
    ownEvaluation(policy, evidence),
    firstModel(policy, evidence),
  ].filter((check) => check !== null);
}

function sameHoldout({
  holdout,
  incumbentHoldout,
  incumbent,
}: EvaluationEvidence): GateCheck | null {
  if (incumbent === null || incumbentHoldout?.digest === holdout.digest) return null;
  const other = incumbentHoldout?.digest ?? 'none';
  return bare(
    'same holdout',
    'error',
    `the candidate was scored on holdout ${holdout.digest} and the incumbent on ${other}; only the same rows can be compared`,
  );
}

function enoughRows(expected: number, rows: number): GateCheck | null {
  if (rows >= expected) return null;
  return bare(
    'holdout rows',
    'inconclusive',
    `the holdout has ${String(rows)} rows, fewer than the ${String(expected)} asked for`,
  );
}

function unseen(who: 'candidate' | 'incumbent', rows: number): GateCheck | null {
  if (rows === 0) return null;
  return bare(
    `${who} unseen rows`,
    'inconclusive',
    `the ${who} was trained on ${String(rows)} rows of the holdout, so its scores there flatter it`,
  );
}

function ownEvaluation(policy: GatePolicy, evidence: EvaluationEvidence): GateCheck | null {
  if (!evidence.ownEvaluation || policy.allowOwnEvaluation === true) return null;
  return bare(
    'own evaluation',
    'inconclusive',
    "scored on the rows that `train` returned, not on the definition's holdout; set gate.allowOwnEvaluation to let them decide",
  );
}

function firstModel(policy: GatePolicy, { incumbent }: EvaluationEvidence): GateCheck | null {
  if (incumbent !== null || policy.firstModel !== 'hold') return null;
  return bare(
    'first model',
    'inconclusive',
    "nothing is live to compare with, and gate.firstModel is 'hold'",
  );
}

function nothingDecides(): GateCheck {
  return bare(
    'deciding rules',
    'inconclusive',
    'no rule could decide: nothing is live to compare with and no rule has a threshold',
  );
}

/** A check that measures nothing: what it says is its verdict. */
export function bare(rule: string, verdict: Verdict, reason: string): GateCheck {
  return {
    rule,
    verdict,
    candidate: null,
    incumbent: null,
    difference: null,
    interval: null,
    reason,
    decides: true,
  };
}
