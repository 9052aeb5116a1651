import { describe, expect, it } from 'vitest';
import type { EvaluationEvidence, MetricEvidence } from '../../../temporal/contracts/evaluation.js';
import type { GatePolicy, MetricRule } from '../../../temporal/contracts/gate.js';
import { judge, worst } from '../../../workflows/policy/gate.js';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;

const measured = (over: Partial<MetricEvidence> = {}): MetricEvidence => ({
  name: 'auc',
  slice: null,
  rows: 1000,
  candidate: 0.8,
  incumbent: 0.75,
  difference: 0.05,
  intervals: { '0.95': [0.02, 0.08] },
  method: 'clustered-bootstrap',
  clusters: 20,
  ...over,
});

const evidence = (over: Partial<EvaluationEvidence> = {}): EvaluationEvidence => ({
  candidate: 'flight-delay/2',
  incumbent: 'flight-delay/1',
  holdout: { digest, rows: 1000, from: '2013-03-04T00:00:00Z', to: '2013-03-11T00:00:00Z' },
  incumbentHoldout: { digest, rows: 1000, from: null, to: null },
  candidateTrainedOnRows: 0,
  incumbentTrainedOnRows: 0,
  ownEvaluation: false,
  metrics: [measured()],
  ...over,
});

const auc: MetricRule = { name: 'auc', direction: 'higher', minImprovement: 0 };
const policy = (rule: Partial<MetricRule> = {}, over: Partial<GatePolicy> = {}): GatePolicy => ({
  metrics: [{ ...auc, ...rule }],
  ...over,
});
const checkOf = (of: GatePolicy, on: EvaluationEvidence) => judge(of, on).checks.at(-1);

describe('judge', () => {
  it('passes a candidate that is better by more than the margin', () => {
    expect(judge(policy(), evidence()).verdict).toBe('passed');
  });

  it('U4 fails a candidate that equals the incumbent: equal never wins', () => {
    const equal = evidence({ metrics: [measured({ candidate: 0.75, difference: 0 })] });
    expect(judge(policy(), equal).verdict).toBe('failed');
  });

  it('takes the larger of the absolute and the relative margin', () => {
    const rule = { minImprovement: 0.01, minRelativeImprovement: 0.1 };
    expect(checkOf(policy(rule), evidence())).toMatchObject({
      verdict: 'failed',
      reason: expect.stringContaining('margin 0.075'),
    });
    expect(
      checkOf(policy({ minImprovement: 0.04, minRelativeImprovement: 0.01 }), evidence()),
    ).toMatchObject({ verdict: 'passed' });
  });

  it('keeps the sense of a relative margin for a negative metric', () => {
    const negative = evidence({
      metrics: [measured({ candidate: -0.9, incumbent: -1, difference: 0.1 })],
    });
    expect(
      judge(policy({ minImprovement: -1, minRelativeImprovement: 0.05 }), negative).verdict,
    ).toBe('passed');
    expect(
      judge(policy({ minImprovement: -1, minRelativeImprovement: 0.2 }), negative).verdict,
    ).toBe('failed');
  });

  it('allows "not worse than" by a negative margin', () => {
    const worse = evidence({ metrics: [measured({ candidate: 0.745, difference: -0.005 })] });
    expect(judge(policy({ minImprovement: -0.01 }), worse).verdict).toBe('passed');
  });

  it('turns the difference and its interval where lower is better', () => {
    const loss = measured({
      name: 'log_loss',
      candidate: 0.4,
      incumbent: 0.5,
      difference: -0.1,
      intervals: { '0.95': [-0.15, -0.05] },
    });
    const rule: GatePolicy = {
      metrics: [{ name: 'log_loss', direction: 'lower', confidence: 0.95 }],
    };
    const check = checkOf(rule, evidence({ metrics: [loss] }));
    expect(check).toMatchObject({ verdict: 'passed', interval: [0.05, 0.15] });
    expect(check?.difference).toBeCloseTo(0.1);
  });

  describe('with confidence', () => {
    const confident = (interval: [number, number], minImprovement?: number) =>
      judge(
        policy({ confidence: 0.95, ...(minImprovement === undefined ? {} : { minImprovement }) }),
        evidence({ metrics: [measured({ intervals: { '0.95': interval } })] }),
      ).verdict;

    it('U4 passes only when the whole interval lies above the margin', () => {
      expect(confident([0.01, 0.09], 0.005)).toBe('passed');
      expect(confident([0.005, 0.09], 0.005)).toBe('inconclusive');
    });
    it('fails when the whole interval lies at or below the margin', () => {
      expect(confident([-0.05, 0.005], 0.005)).toBe('failed');
    });
    it('U4 is inconclusive when the interval reaches across the margin: noise does not move the champion', () => {
      expect(confident([-0.01, 0.11], 0)).toBe('inconclusive');
    });
    it('asks for more than nothing when no margin is given', () => {
      const rule: GatePolicy = {
        metrics: [{ name: 'auc', direction: 'higher', confidence: 0.95 }],
      };
      expect(
        judge(rule, evidence({ metrics: [measured({ intervals: { '0.95': [0, 0.1] } })] })).verdict,
      ).toBe('inconclusive');
    });
    it('is inconclusive when no interval was measured, or not at this level', () => {
      const rule = policy({ confidence: 0.9 });
      expect(judge(rule, evidence()).verdict).toBe('inconclusive');
      expect(judge(rule, evidence({ metrics: [measured({ intervals: null })] })).verdict).toBe(
        'inconclusive',
      );
    });
  });

  describe('thresholds', () => {
    const threshold = (rule: Partial<MetricRule>) =>
      judge({ metrics: [{ name: 'auc', direction: 'higher', ...rule }] }, evidence()).verdict;
    it('are inclusive in both directions', () => {
      expect(threshold({ threshold: 0.8 })).toBe('passed');
      expect(threshold({ threshold: 0.81 })).toBe('failed');
      expect(threshold({ direction: 'lower', threshold: 0.8 })).toBe('passed');
      expect(threshold({ direction: 'lower', threshold: 0.79 })).toBe('failed');
    });
    it('give a check of their own beside the margin', () => {
      const report = judge(policy({ threshold: 0.7 }), evidence());
      expect(report.checks.map(({ rule }) => rule)).toEqual(['auc threshold', 'auc improvement']);
    });
  });

  describe('F21 U3 what could not be measured is never a pass', () => {
    it('is an error when the candidate or the incumbent is not a finite number', () => {
      expect(judge(policy(), evidence({ metrics: [measured({ candidate: 'NaN' })] })).verdict).toBe(
        'error',
      );
      expect(judge(policy(), evidence({ metrics: [measured({ incumbent: 'NaN' })] })).verdict).toBe(
        'error',
      );
      expect(
        judge(
          { metrics: [{ name: 'auc', direction: 'higher', threshold: 0.5 }] },
          evidence({ metrics: [measured({ candidate: 'NaN' })] }),
        ).verdict,
      ).toBe('error');
    });
    it('is an error when the models were scored on different rows', () => {
      const mixed = evidence({ incumbentHoldout: { digest: other, rows: 1000 } });
      expect(judge(policy(), mixed)).toMatchObject({ verdict: 'error' });
      expect(judge(policy(), evidence({ incumbentHoldout: null })).verdict).toBe('error');
    });
    it('is inconclusive, or failed where the rule says so, when the metric is missing', () => {
      expect(judge(policy(), evidence({ metrics: [] })).verdict).toBe('inconclusive');
      expect(judge(policy({ onMissing: 'fail' }), evidence({ metrics: [] })).verdict).toBe(
        'failed',
      );
      expect(
        judge(policy({ threshold: 0.5 }), evidence({ metrics: [measured({ candidate: null })] }))
          .verdict,
      ).toBe('inconclusive');
      expect(judge(policy(), evidence({ metrics: [measured({ incumbent: null })] })).verdict).toBe(
        'inconclusive',
      );
    });
    it('is inconclusive on an empty or too small holdout', () => {
      const empty = { digest, rows: 0 };
      expect(judge(policy(), evidence({ holdout: empty, incumbentHoldout: empty })).verdict).toBe(
        'inconclusive',
      );
      expect(judge(policy({}, { minHoldoutRows: 1001 }), evidence()).verdict).toBe('inconclusive');
    });
    it('is inconclusive when either model was trained on rows of the holdout', () => {
      expect(judge(policy(), evidence({ incumbentTrainedOnRows: 7 }))).toMatchObject({
        verdict: 'inconclusive',
      });
      expect(judge(policy(), evidence({ candidateTrainedOnRows: 1 })).verdict).toBe('inconclusive');
    });
  });

  it("is at most inconclusive on the user's own evaluation, unless the gate allows it", () => {
    const own = evidence({ ownEvaluation: true });
    expect(judge(policy(), own).verdict).toBe('inconclusive');
    expect(judge(policy({}, { allowOwnEvaluation: true }), own).verdict).toBe('passed');
  });

  describe('the first model', () => {
    const first = evidence({
      incumbent: null,
      incumbentHoldout: null,
      metrics: [measured({ incumbent: null, difference: null, intervals: null })],
    });
    it('is judged by thresholds alone', () => {
      expect(judge(policy({ threshold: 0.7 }), first).verdict).toBe('passed');
      expect(judge(policy({ threshold: 0.9 }), first).verdict).toBe('failed');
    });
    it('is inconclusive when no threshold judges it', () => {
      expect(judge(policy(), first)).toMatchObject({ verdict: 'inconclusive' });
    });
    it("is held for a person by firstModel 'hold'", () => {
      expect(judge(policy({ threshold: 0.7 }, { firstModel: 'hold' }), first).verdict).toBe(
        'inconclusive',
      );
    });
  });

  it('judges a slice by its own measurement', () => {
    const sliced = evidence({
      metrics: [measured(), measured({ slice: 'carrier=AA', candidate: 0.7, difference: -0.05 })],
    });
    expect(judge(policy({ slice: 'carrier=AA' }), sliced)).toMatchObject({ verdict: 'failed' });
    expect(checkOf(policy({ slice: 'carrier=AA' }), sliced)?.rule).toBe(
      'auc of carrier=AA improvement',
    );
  });

  it('records a dry-run rule and never lets it decide', () => {
    const rules: GatePolicy = {
      metrics: [auc, { name: 'auc', direction: 'higher', threshold: 0.99, dryRun: true }],
    };
    const report = judge(rules, evidence());
    expect(report.verdict).toBe('passed');
    expect(report.checks.at(-1)).toMatchObject({ verdict: 'failed', decides: false });
  });

  it('says in a sentence with numbers why it decided', () => {
    expect(judge(policy({ confidence: 0.95 }), evidence()).checks[0]?.reason).toBe(
      'auc 0.8 against 0.75: better by 0.05; its 95 % interval [0.02, 0.08] lies above the margin 0',
    );
  });

  it('names the holdout and the policy it judged by', () => {
    const report = judge(policy(), evidence());
    expect(report.holdout).toEqual({
      digest,
      rows: 1000,
      from: '2013-03-04T00:00:00Z',
      to: '2013-03-11T00:00:00Z',
    });
    expect(report.policyDigest).not.toBe(
      judge(policy({ minImprovement: 0.1 }), evidence()).policyDigest,
    );
  });
});

it('the worst verdict wins: passed, inconclusive, failed, error, cancelled', () => {
  expect(worst([])).toBe('passed');
  expect(worst(['inconclusive', 'passed'])).toBe('inconclusive');
  expect(worst(['failed', 'inconclusive'])).toBe('failed');
  expect(worst(['failed', 'error'])).toBe('error');
  expect(worst(['error', 'cancelled'])).toBe('cancelled');
});
