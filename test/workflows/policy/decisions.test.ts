import { describe, expect, it } from 'vitest';
import type { EvaluationEvidence } from '../../../temporal/contracts/evaluation.js';
import type { GateReport } from '../../../temporal/contracts/gate.js';
import type { JobFailure } from '../../../temporal/contracts/job.js';
import type { Decision } from '../../../temporal/contracts/runs.js';
import type { ShadowReport } from '../../../temporal/contracts/shadow.js';
import { afterFailure, MAX_DISRUPTIONS } from '../../../workflows/policy/attempts.js';
import { afterGate, afterShadow } from '../../../workflows/policy/decision.js';
import { mergeParams } from '../../../workflows/policy/params.js';
import { outcomeOfRefusal } from '../../../workflows/policy/refusals.js';
import { simulate } from '../../../workflows/policy/simulate.js';
import { nominalTime } from '../../../workflows/policy/slot.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('after a failed attempt', () => {
  const failed = (cause: JobFailure['cause']): JobFailure => ({
    cause,
    exitCode: 1,
    signal: null,
    type: 'T',
    message: 'it broke',
    traceback: null,
    logTail: '',
  });
  const spent = { attempts: 1, maxAttempts: 3, disruptions: 0 };

  it.each(['user-error', 'integrity', 'deadline', 'bad-result'] as const)(
    '%s ends the run at once',
    (cause) => {
      expect(afterFailure(failed(cause), spent)).toEqual({ next: 'fail', why: 'it broke' });
    },
  );
  it.each(['temporary', 'interrupted', 'out-of-memory', 'crashed', 'start-failed'] as const)(
    '%s is tried again while attempts are left',
    (cause) => {
      expect(afterFailure(failed(cause), spent)).toEqual({ next: 'retry', counts: true });
      expect(afterFailure(failed(cause), { ...spent, attempts: 3 })).toEqual({
        next: 'fail',
        why: 'it broke (attempt 3 of 3)',
      });
    },
  );
  it('F15 a disruption costs no attempt, but not without end', () => {
    expect(afterFailure(failed('disrupted'), { ...spent, attempts: 3 })).toEqual({
      next: 'retry',
      counts: false,
    });
    expect(
      afterFailure(failed('disrupted'), { ...spent, disruptions: MAX_DISRUPTIONS }),
    ).toMatchObject({ next: 'fail' });
  });
});

describe('after a shadow window', () => {
  const report = (verdict: ShadowReport['verdict'], routeRestored = true): ShadowReport => ({
    ...{ tag: 't', candidate: 't/2', incumbent: 't/1', verdict, routeRestored },
    window: { from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', extended: false },
    requests: { eligible: 1, mirrored: 1, dropped: 0, failed: 0 },
    metrics: {},
    checks: [{ rule: 'r', verdict, decides: true, reason: 'because' }] as ShadowReport['checks'],
    registryRunId: 'run',
  });

  it('S1 a candidate that passed goes on', () => {
    expect(afterShadow(report('passed'))).toBeNull();
  });
  it('I13 a candidate that passed does not go on beside a mirror that may still be there', () => {
    expect(afterShadow(report('passed', false))).toEqual({
      outcome: 'aborted',
      reason: 'shadow window passed, but the route was not seen in force without its mirror',
    });
  });
  it.each([
    ['failed', 'rejected'],
    ['inconclusive', 'inconclusive'],
    ['cancelled', 'aborted'],
    ['error', 'aborted'],
  ] as const)('S1 one that %s is %s, whatever became of the route', (verdict, outcome) => {
    for (const restored of [true, false])
      expect(afterShadow(report(verdict, restored))).toEqual({
        ...{ outcome, reason: `shadow window ${verdict}: because` },
      });
  });
});

describe('after the gate', () => {
  const report = (verdict: GateReport['verdict']): GateReport => ({
    verdict,
    checks: [
      {
        rule: 'r',
        verdict,
        candidate: null,
        incumbent: null,
        difference: null,
        interval: null,
        reason: 'because',
        decides: true,
      },
      {
        rule: 'd',
        verdict,
        candidate: null,
        incumbent: null,
        difference: null,
        interval: null,
        reason: 'dry',
        decides: false,
      },
    ],
    holdout: { digest, rows: 1 },
    policyDigest: digest,
  });
  const at = {
    autoPromote: true,
    minDwell: undefined,
    liveSince: null,
    now: '2026-01-02T00:00:00.000Z',
  };

  it('R9 a better candidate is rolled out where promotion is automatic, else it waits for a person', () => {
    expect(afterGate({ ...at, report: report('passed') })).toEqual({ roll: 'out' });
    expect(afterGate({ ...at, report: report('passed'), autoPromote: false })).toMatchObject({
      decision: 'better-not-promoted',
    });
  });
  it('U4 a live model keeps its place for its dwell', () => {
    const dwelling = { ...at, report: report('passed'), minDwell: '24h' };
    expect(afterGate({ ...dwelling, liveSince: '2026-01-01T12:00:00.000Z' })).toMatchObject({
      decision: 'better-not-promoted',
      reason: expect.stringContaining('2026-01-02T12:00:00.000Z'),
    });
    expect(afterGate({ ...dwelling, liveSince: '2026-01-01T00:00:00.000Z' })).toEqual({
      roll: 'out',
    });
    expect(afterGate(dwelling)).toEqual({ roll: 'out' });
    expect(
      afterGate({ ...at, report: report('passed'), liveSince: '2026-01-01T12:00:00.000Z' }),
    ).toEqual({ roll: 'out' });
  });
  it('says why for every other verdict, and refuses one that could not be judged', () => {
    expect(afterGate({ ...at, report: report('failed') })).toEqual({
      roll: 'no',
      decision: 'not-better',
      reason: 'because',
    });
    expect(afterGate({ ...at, report: report('inconclusive') })).toMatchObject({
      decision: 'inconclusive',
      reason: 'because',
    });
    expect(afterGate({ ...at, report: report('cancelled') })).toMatchObject({
      decision: 'inconclusive',
    });
    expect(() => afterGate({ ...at, report: report('error') })).toThrow();
  });
});

it('R2 params: a key replaces, null removes, nothing is merged below', () => {
  expect(mergeParams({ a: 1, b: { c: 1 }, d: 2 }, { b: { e: 1 }, d: null })).toEqual({
    a: 1,
    b: { e: 1 },
  });
});

it('C3 a slot is read from the id that its schedule gave the run', () => {
  expect(nominalTime('retrain/flight-delay/slot-2026-11-21T02:00:00Z')).toBe(
    '2026-11-21T02:00:00.000Z',
  );
  expect(nominalTime('retrain/flight-delay/my-key')).toBeNull();
});

it('a refusal of a run under way is an outcome, anything else is not', () => {
  expect(outcomeOfRefusal({ type: 'LiveChanged', message: 'm' })).toEqual({
    outcome: 'superseded',
    reason: 'm',
  });
  expect(outcomeOfRefusal({ type: 'Quarantined', message: 'm' })).toMatchObject({
    outcome: 'aborted',
  });
  expect(outcomeOfRefusal({ type: 'JobFailed', message: 'm' })).toBeNull();
  expect(outcomeOfRefusal(undefined)).toBeNull();
});

describe('U11 simulate', () => {
  const evidence = (candidate: number): EvaluationEvidence => ({
    candidate: 'x/2',
    incumbent: 'x/1',
    holdout: { digest, rows: 10 },
    incumbentHoldout: { digest, rows: 10 },
    candidateTrainedOnRows: 0,
    incumbentTrainedOnRows: 0,
    ownEvaluation: false,
    metrics: [
      {
        name: 'auc',
        slice: null,
        rows: 10,
        candidate,
        incumbent: 0.7,
        difference: candidate - 0.7,
        intervals: null,
        method: null,
        clusters: null,
      },
    ],
  });
  const policy = { metrics: [{ name: 'auc', direction: 'higher' as const, minImprovement: 0.05 }] };
  const recorded = (decision: Decision | null, candidate: number) => ({
    runId: 'r',
    at: '2026-01-01T00:00:00.000Z',
    decision,
    evidence: evidence(candidate),
    policy,
  });

  it('counts the decisions that another policy would not have reached', () => {
    const past = [
      recorded('promoted', 0.8),
      recorded('promoted', 0.71),
      recorded('not-better', 0.71),
      recorded('not-better', 0.9),
      recorded('inconclusive', 0.9),
      recorded(null, 0.9),
    ];
    const { decisions, changed } = simulate(policy, past);
    expect(decisions.map(({ would }) => would)).toEqual([
      'passed',
      'failed',
      'failed',
      'passed',
      'passed',
      'passed',
    ]);
    expect(changed).toBe(3);
    expect(decisions[0]?.reasons).toEqual([expect.stringContaining('auc improvement: passed')]);
  });
});
