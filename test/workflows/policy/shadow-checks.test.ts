import { describe, expect, it } from 'vitest';
import type { ShadowCheck, ShadowMeasure } from '../../../temporal/contracts/shadow.js';
import { judgeShadow, type Shown } from '../../../workflows/policy/shadow-checks.js';

const measure = (value: number, interval: [number, number] | null = null): ShadowMeasure => ({
  value,
  interval,
  samples: 500,
});
const shown = (measures: Record<string, ShadowMeasure>, mirrored = 500): Shown => ({
  requests: { eligible: 600, mirrored, dropped: 50, failed: 50 },
  measures,
});
const judged = (checks: ShadowCheck[], measures: Record<string, ShadowMeasure>) =>
  judgeShadow({ checks, minRequests: 500 }, shown(measures));
const ok: ShadowCheck = { metric: 'error_rate', max: 0.1 };

describe('the checks of a shadow window', () => {
  it('S1 pass with a metric at its bound, and say how much it rests on', () => {
    const { verdict, checks } = judged([ok], { error_rate: measure(0.1, [0.05, 0.2]) });
    expect(verdict).toBe('passed');
    expect(checks).toEqual([
      expect.objectContaining({ rule: 'requests', verdict: 'passed', decides: true }),
      {
        ...{ rule: 'error_rate', verdict: 'passed', candidate: 0.1, incumbent: null },
        ...{ difference: null, interval: [0.05, 0.2], decides: true },
        reason:
          'error_rate 0.1 against at most 0.1, of 500 samples (0.05 to 0.2 at 95 % confidence)',
      },
    ]);
  });

  it('S1 fail with a metric above its bound', () => {
    const { verdict, checks } = judged([ok], { error_rate: measure(0.1001) });
    expect(verdict).toBe('failed');
    expect(checks[1]?.reason).toBe('error_rate 0.1001 against at most 0.1, of 500 samples');
  });

  it.each([
    ['score_mean_shift', -0.3, 'failed'],
    ['score_mean_shift', -0.2, 'passed'],
    ['score_mean_shift', 0.3, 'failed'],
    ['score_mean_shift[carrier=AA]', -0.3, 'failed'],
    ['score_mean_shifted', -0.3, 'passed'],
    ['score_psi', -0.3, 'passed'],
  ] as const)(
    'bound a shift of the mean in both directions: %s %d %s',
    (metric, value, verdict) => {
      expect(judged([{ metric, max: 0.2 }], { [metric]: measure(value) }).verdict).toBe(verdict);
    },
  );

  it.each([
    [499, 'inconclusive'],
    [500, 'passed'],
  ] as const)('U3 with %d of the 500 requests asked for are %s', (mirrored, verdict) => {
    const of = shown({ error_rate: measure(0) }, mirrored);
    expect(judgeShadow({ checks: [ok], minRequests: 500 }, of).verdict).toBe(verdict);
  });

  it.each([
    [499, 'inconclusive', 'fewer than'],
    [500, 'passed', 'at least'],
  ] as const)(
    'U3 rest on what could be compared, not on what was answered: of 1000 with %d compared they are %s',
    (compared, verdict, how) => {
      const of = { ...shown({ error_rate: measure(0) }, 1_000), compared };
      const judged = judgeShadow({ checks: [ok], minRequests: 500 }, of);
      expect(judged.verdict).toBe(verdict);
      expect(judged.checks[0]).toMatchObject({
        ...{ rule: 'requests', verdict },
        reason: `the candidate answered 1000 copies of live requests, ${String(compared)} of them with scores to compare, ${how} the 500 asked for`,
      });
    },
  );

  it('U3 lack a metric that was not measured, and say so', () => {
    const { verdict, checks } = judged([ok], {});
    expect(verdict).toBe('inconclusive');
    expect(checks[1]).toMatchObject({
      ...{ verdict: 'inconclusive', candidate: null, interval: null },
      reason: 'error_rate could not be measured',
    });
  });

  it.each([NaN, Infinity, -Infinity])('U3 cannot judge by %d', (value) => {
    const { verdict, checks } = judged([ok], { error_rate: measure(value) });
    expect(verdict).toBe('error');
    expect(checks[1]?.candidate).toBeNull();
  });

  it('are decided by none that is a dry run, and by nothing where all are', () => {
    const dry = { metric: 'score_psi', max: 0.1, dryRun: true };
    const both = judged([ok, dry], { error_rate: measure(0), score_psi: measure(9) });
    expect(both.verdict).toBe('passed');
    expect(both.checks[2]).toMatchObject({ verdict: 'failed', decides: false });
    const alone = judged([dry], { score_psi: measure(0) });
    expect(alone.verdict).toBe('inconclusive');
    expect(alone.checks.at(-1)).toMatchObject({ rule: 'deciding checks', decides: true });
    expect(judged([], {}).verdict).toBe('inconclusive');
  });

  it.each([
    [['passed', 'inconclusive'], 'inconclusive'],
    [['inconclusive', 'failed'], 'failed'],
    [['failed', 'error'], 'error'],
    [['error', 'passed'], 'error'],
  ] as const)('come to the worst of %j: %s', (verdicts, worst) => {
    const values = { passed: measure(0), failed: measure(9), error: measure(NaN) };
    const checks = verdicts.map((verdict) => ({ metric: verdict, max: 1 }));
    expect(judged(checks, values).verdict).toBe(worst);
  });
});
