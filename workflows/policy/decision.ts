import type { GateReport } from '../../temporal/contracts/gate.js';
import type { Decision, RolloutResult } from '../../temporal/contracts/runs.js';
import type { ShadowReport } from '../../temporal/contracts/shadow.js';
import { msOf } from '../../temporal/duration.js';

export type NextStep = { roll: 'out' } | { roll: 'no'; decision: Decision; reason: string };

/** What a judged candidate comes to, before anything else is asked. Pure. */
export function afterGate(of: {
  report: GateReport;
  autoPromote: boolean;
  minDwell: string | undefined;
  liveSince: string | null;
  now: string;
}): NextStep {
  const { report } = of;
  switch (report.verdict) {
    case 'passed':
      return afterPassed(of);
    case 'inconclusive':
    case 'cancelled':
      return { roll: 'no', decision: 'inconclusive', reason: reasonsOf(report, report.verdict) };
    case 'failed':
      return { roll: 'no', decision: 'not-better', reason: reasonsOf(report, 'failed') };
    case 'error':
      throw new Error('expected a gate that could be judged');
  }
}

function afterPassed(of: {
  autoPromote: boolean;
  minDwell: string | undefined;
  liveSince: string | null;
  now: string;
  report: GateReport;
}): NextStep {
  if (!of.autoPromote) {
    return {
      roll: 'no',
      decision: 'better-not-promoted',
      reason: 'better, and promotion is left to a person: gate.autoPromote is off',
    };
  }
  const until =
    of.liveSince === null || of.minDwell === undefined
      ? null
      : Date.parse(of.liveSince) + msOf(of.minDwell);
  if (until !== null && until > Date.parse(of.now)) {
    return {
      roll: 'no',
      decision: 'better-not-promoted',
      reason: `better, but the live model keeps its place until ${new Date(until).toISOString()} (gate.minDwell)`,
    };
  }
  return { roll: 'out' };
}

/** The sentences of the checks that gave the verdict. */
export function reasonsOf(
  { checks }: Pick<GateReport, 'checks'>,
  verdict: GateReport['verdict'],
): string {
  return checks
    .filter((check) => check.decides && check.verdict === verdict)
    .map(({ reason }) => reason)
    .join('; ');
}

const NOT_RESTORED = 'shadow window passed, but the route was not seen in force without its mirror';

/** What a rollout comes to after its shadow window; null: it goes on. Pure. */
export function afterShadow(
  report: ShadowReport,
): Pick<RolloutResult, 'outcome' | 'reason'> | null {
  const why = `shadow window ${report.verdict}: ${reasonsOf(report, report.verdict)}`.slice(0, 400);
  switch (report.verdict) {
    case 'passed':
      // Beside a mirror that may still be there, a share of the traffic would be counted twice.
      return report.routeRestored ? null : { outcome: 'aborted', reason: NOT_RESTORED };
    case 'failed':
      return { outcome: 'rejected', reason: why };
    case 'inconclusive':
      return { outcome: 'inconclusive', reason: why };
    case 'error':
    case 'cancelled':
      return { outcome: 'aborted', reason: why };
  }
}
