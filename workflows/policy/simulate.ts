import type { EvaluationEvidence } from '../../temporal/contracts/evaluation.js';
import type { GatePolicy, GateReport } from '../../temporal/contracts/gate.js';
import type { Decision, RecordedEvidence, Simulation } from '../../temporal/contracts/runs.js';
import { judge } from './gate.js';

/** How a policy would have decided on what was measured. `changed` counts the decisions it would not have reached. */
export function simulate(
  policy: GatePolicy,
  recorded: readonly (RecordedEvidence & { evidence: EvaluationEvidence })[],
): Simulation {
  const decisions = recorded.map(({ runId, at, decision, evidence }) => {
    const report = judge(policy, evidence);
    return { runId, at, actual: decision, would: report.verdict, reasons: reasons(report) };
  });
  return {
    decisions,
    changed: decisions.filter(({ actual, would }) => differs(actual, would)).length,
  };
}

const reasons = ({ checks }: GateReport): string[] =>
  checks.map(({ rule, verdict, reason }) => `${rule}: ${verdict}, ${reason}`);

function differs(actual: Decision | null, would: GateReport['verdict']): boolean {
  if (actual === null) return false;
  const better: readonly Decision[] = [
    'promoted',
    'better-not-promoted',
    'rolled-back',
    'superseded',
    'aborted',
    'rejected',
  ];
  if (better.includes(actual)) return would !== 'passed';
  return actual === 'inconclusive' ? would !== 'inconclusive' : would !== 'failed';
}
