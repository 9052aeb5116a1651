import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LiveCheck } from '../../../temporal/contracts/rollout.js';
import { bucketOf } from '../../../temporal/latency-buckets.js';
import { judgeLive, type Observed } from '../../../workflows/policy/live-checks.js';
import type { Observation } from '../../../workflows/policy/live-measures.js';

const SINCE = '2026-11-21T12:00:00.000Z';
const LATER = '2026-11-21T12:05:00.000Z';

const served = (requests: number, errors = 0, ms = 20): Observation => ({
  traffic: { requests, errors, latency: { [String(bucketOf(ms))]: requests - errors } },
  registry: {},
});
const logged = (value: number, at = LATER): Observation => ({
  traffic: null,
  registry: { drift: { value, at } },
});
const silent: Observation = { traffic: null, registry: {} };

const against = (candidate: Observation, incumbent: Observation | null = null): Observed => ({
  since: SINCE,
  candidate,
  incumbent,
});
const judgeOne = (check: LiveCheck, observed: Observed) => judgeLive([check], observed).checks[0];
const verdictOf = (check: LiveCheck, observed: Observed) => judgeOne(check, observed)?.verdict;

const errors = (over: Partial<LiveCheck> = {}): LiveCheck => ({
  metric: 'error_rate',
  max: 0.05,
  ...over,
});
const errorRatio = (ratio: number): LiveCheck => ({
  metric: 'error_rate',
  maxRatioToIncumbent: ratio,
});
const drift = (over: Partial<LiveCheck>): LiveCheck => ({ metric: 'drift', ...over });

describe('a live check with a maximum', () => {
  it('passes up to it and fails beyond it', () => {
    expect(verdictOf(errors(), against(served(100, 5)))).toBe('passed');
    expect(verdictOf(errors(), against(served(100, 6)))).toBe('failed');
    expect(verdictOf(errors({ max: 0 }), against(served(100, 0)))).toBe('passed');
    expect(verdictOf(errors({ max: 0 }), against(served(100, 1)))).toBe('failed');
  });

  it('says its numbers', () => {
    expect(judgeOne(errors(), against(served(100, 6), served(200, 1)))).toEqual({
      metric: 'error_rate',
      verdict: 'failed',
      candidate: 0.06,
      incumbent: 0.005,
      samples: 100,
      reason: 'error_rate 0.06 against at most 0.05',
    });
  });

  it.each(['latency_p95_ms', 'latency_p99_ms'])('judges %s by its quantile', (metric) => {
    expect(verdictOf({ metric, max: 25 }, against(served(100, 0, 20)))).toBe('passed');
    expect(verdictOf({ metric, max: 25 }, against(served(100, 0, 40)))).toBe('failed');
  });

  it('tells the 95th from the 99th percentile', () => {
    const slowTail: Observation = {
      traffic: {
        requests: 100,
        errors: 0,
        latency: { [String(bucketOf(10))]: 97, [String(bucketOf(900))]: 3 },
      },
      registry: {},
    };
    expect(verdictOf({ metric: 'latency_p95_ms', max: 50 }, against(slowTail))).toBe('passed');
    expect(verdictOf({ metric: 'latency_p99_ms', max: 50 }, against(slowTail))).toBe('failed');
  });

  it('judges a metric of the registry, also one below zero', () => {
    expect(verdictOf(drift({ max: 0.2 }), against(logged(0.2)))).toBe('passed');
    expect(verdictOf(drift({ max: 0.2 }), against(logged(0.21)))).toBe('failed');
    expect(verdictOf(drift({ max: -1 }), against(logged(-1.5)))).toBe('passed');
  });
});

describe('a live check with a ratio to the incumbent', () => {
  it('passes up to it and fails beyond it', () => {
    expect(verdictOf(errorRatio(1.5), against(served(1000, 30), served(1000, 20)))).toBe('passed');
    expect(verdictOf(errorRatio(1.5), against(served(1000, 31), served(1000, 20)))).toBe('failed');
  });

  it('is inclusive whatever floating point makes of the product', () => {
    for (const [ratio, incumbent, candidate] of [
      [1.1, 3, 3.3],
      [0.57, 100, 57],
      [1.15, 1.4, 1.61],
    ] as const) {
      const observed = against(logged(candidate), logged(incumbent));
      expect(verdictOf(drift({ maxRatioToIncumbent: ratio }), observed)).toBe('passed');
      const worse = against(logged(candidate * 1.000001), logged(incumbent));
      expect(verdictOf(drift({ maxRatioToIncumbent: ratio }), worse)).toBe('failed');
    }
  });

  it('does not fail for one error where the incumbent had none, and does for many (U4)', () => {
    const spotless = served(10_000);
    expect(verdictOf(errorRatio(1.5), against(served(10_000, 1), spotless))).toBe('passed');
    expect(verdictOf(errorRatio(1.5), against(served(1000, 1), spotless))).toBe('passed');
    expect(verdictOf(errorRatio(1.5), against(served(10_000, 1), served(100)))).toBe('passed');
    expect(verdictOf(errorRatio(1.5), against(served(1000, 2), spotless))).toBe('failed');
    expect(verdictOf(errorRatio(1.5), against(served(10_000, 500), spotless))).toBe('failed');
    expect(judgeOne(errorRatio(1.5), against(served(1000, 50), spotless))?.reason).toBe(
      "error_rate 0.05 against at most 0.0015, 1.5 × the incumbent's 0 (taken as 0.001)",
    );
  });

  it("takes the incumbent's latency for a millisecond at least", () => {
    const check = { metric: 'latency_p95_ms', maxRatioToIncumbent: 1.5 };
    expect(verdictOf(check, against(served(100, 0, 0.9), served(100, 0, 0.2)))).toBe('passed');
    expect(verdictOf(check, against(served(100, 0, 3), served(100, 0, 0.2)))).toBe('failed');
    expect(verdictOf(check, against(served(100, 0, 20), served(100, 0, 20)))).toBe('passed');
    expect(verdictOf(check, against(served(100, 0, 40), served(100, 0, 20)))).toBe('failed');
  });

  it('takes a metric of the registry as it is: against zero only what is not above it passes', () => {
    const check = drift({ maxRatioToIncumbent: 2 });
    expect(verdictOf(check, against(logged(0), logged(0)))).toBe('passed');
    expect(verdictOf(check, against(logged(-1), logged(0)))).toBe('passed');
    expect(verdictOf(check, against(logged(0.001), logged(0)))).toBe('failed');
  });

  it('leaves the same room on the other side of zero', () => {
    const check = drift({ maxRatioToIncumbent: 1.5 });
    expect(verdictOf(check, against(logged(-2), logged(-2)))).toBe('passed');
    expect(verdictOf(check, against(logged(-1), logged(-2)))).toBe('passed');
    expect(verdictOf(check, against(logged(-0.9), logged(-2)))).toBe('failed');
  });

  it('has nothing to compare with where nothing was live before', () => {
    expect(judgeOne(errorRatio(1.5), against(served(100, 90)))).toMatchObject({
      verdict: 'passed',
      incumbent: null,
      reason: 'nothing was live before to compare with',
    });
    expect(verdictOf(errors({ maxRatioToIncumbent: 1.5 }), against(served(100, 90)))).toBe(
      'failed',
    );
  });

  it('holds together with a maximum: either fails the check', () => {
    const both = errors({ max: 0.05, maxRatioToIncumbent: 2 });
    expect(verdictOf(both, against(served(1000, 40), served(1000, 20)))).toBe('passed');
    expect(verdictOf(both, against(served(1000, 60), served(1000, 40)))).toBe('failed');
    expect(verdictOf(both, against(served(1000, 45), served(1000, 20)))).toBe('failed');
  });
});

describe('a live check without data', () => {
  it.each<[string, LiveCheck, Observed, string]>([
    ['no figures', errors(), against(silent), 'the candidate: it had no requests'],
    ['no requests', errors(), against(served(0)), 'the candidate: it had no requests'],
    [
      'fewer requests than asked for',
      errors({ minSamples: 500 }),
      against(served(499, 499)),
      'the candidate: 499 samples of the 500 asked for',
    ],
    [
      'no latency',
      { metric: 'latency_p99_ms', max: 10 },
      against(served(7, 7)),
      'the candidate: none of its 7 requests has a latency',
    ],
    [
      'nothing logged',
      drift({ max: 1 }),
      against(silent),
      'the candidate: its drift was not logged',
    ],
    [
      'what was logged as the window began',
      drift({ max: 1 }),
      against(logged(0, SINCE)),
      `the candidate: its drift is of ${SINCE}, not newer than ${SINCE}`,
    ],
    [
      'what is no number',
      drift({ max: 1 }),
      against(logged(Number.NaN)),
      'the candidate: its drift is NaN, not a finite number',
    ],
    [
      'what is infinite, also on the good side',
      drift({ max: 1 }),
      against(logged(Number.NEGATIVE_INFINITY)),
      'the candidate: its drift is -Infinity, not a finite number',
    ],
    [
      'an incumbent without requests',
      errorRatio(2),
      against(served(100), silent),
      'the incumbent: it had no requests',
    ],
    [
      'an incumbent with too few',
      { ...errorRatio(2), minSamples: 50 },
      against(served(100), served(49)),
      'the incumbent: 49 samples of the 50 asked for',
    ],
    [
      'an incumbent whose metric is old',
      drift({ maxRatioToIncumbent: 2 }),
      against(logged(1), logged(1, SINCE)),
      `the incumbent: its drift is of ${SINCE}, not newer than ${SINCE}`,
    ],
  ])('neither passes nor fails: %s (U3)', (_, check, observed, reason) => {
    expect(judgeOne(check, observed)).toMatchObject({ verdict: 'no-data', reason });
    expect(judgeLive([check], observed)).toMatchObject({ verdict: 'no-data', onNoData: 'wait' });
  });

  it('passes as soon as it has as many samples as it asks for (U3)', () => {
    expect(verdictOf(errors({ minSamples: 500 }), against(served(500)))).toBe('passed');
  });

  it('fails by its maximum also where the incumbent has none', () => {
    const both = errors({ max: 0.05, maxRatioToIncumbent: 2 });
    expect(verdictOf(both, against(served(100, 6), silent))).toBe('failed');
    expect(verdictOf(both, against(served(100, 5), silent))).toBe('no-data');
  });

  it('fails where onNoData says so, with that as its reason (U3)', () => {
    const report = judgeLive([errors({ onNoData: 'fail' })], against(silent));
    expect(report).toMatchObject({ verdict: 'failed', onNoData: 'fail' });
    expect(report.checks[0]).toMatchObject({
      verdict: 'failed',
      reason: "the candidate: it had no requests, and onNoData is 'fail'",
    });
  });

  it('does not need onNoData where there are data', () => {
    for (const onNoData of ['wait', 'pause', 'fail'] as const) {
      expect(judgeLive([errors({ onNoData })], against(served(100)))).toMatchObject({
        verdict: 'passed',
        onNoData: null,
      });
    }
  });
});

describe('a report of live checks', () => {
  const candidate: Observation = { ...served(100, 6), registry: {} };
  const [good, bad] = [errors({ max: 0.5 }), errors({ max: 0.01 })];
  const unknown = (onNoData?: LiveCheck['onNoData']) =>
    drift({ max: 1, ...(onNoData && { onNoData }) });

  it('passes without checks', () => {
    expect(judgeLive([], against(silent))).toEqual({
      verdict: 'passed',
      onNoData: null,
      checks: [],
    });
  });

  it('is as bad as its worst check: any failure beats missing data, missing data beat a pass', () => {
    const verdict = (...checks: LiveCheck[]) => judgeLive(checks, against(candidate)).verdict;
    expect(verdict(good, good)).toBe('passed');
    expect(verdict(good, unknown())).toBe('no-data');
    expect(verdict(unknown(), good)).toBe('no-data');
    expect(verdict(unknown(), bad, good)).toBe('failed');
    expect(verdict(bad, unknown())).toBe('failed');
  });

  it('asks for the strictest of what the checks without data ask for (U3)', () => {
    const asked = (...checks: LiveCheck[]) => judgeLive(checks, against(candidate)).onNoData;
    expect(asked(unknown())).toBe('wait');
    expect(asked(unknown('pause'), unknown('wait'))).toBe('pause');
    expect(asked(unknown('wait'), unknown('fail'), unknown('pause'))).toBe('fail');
    expect(asked(errors({ onNoData: 'fail' }), unknown())).toBe('wait');
    expect(asked(good)).toBeNull();
  });

  it('has a line for each check, in their order', () => {
    const { checks } = judgeLive([good, unknown(), bad], against(candidate));
    expect(checks.map(({ metric, verdict }) => [metric, verdict])).toEqual([
      ['error_rate', 'passed'],
      ['drift', 'no-data'],
      ['error_rate', 'failed'],
    ]);
  });
});

describe('live checks, whatever the figures', () => {
  const traffic = fc.option(
    fc
      .record({
        requests: fc.nat(2000),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        ms: fc.nat(900),
      })
      .map(({ requests, share, ms }) => served(requests, Math.floor(requests * share), ms).traffic),
    { nil: null },
  );
  const figure = fc.option(
    fc.record({
      value: fc.oneof(
        fc.double({ min: -10, max: 10 }),
        fc.constantFrom(0, Infinity, -Infinity, Number.NaN),
      ),
      at: fc.constantFrom(SINCE, LATER),
    }),
    { nil: null },
  );
  const observation: fc.Arbitrary<Observation> = fc.record({
    traffic,
    registry: fc.record({ drift: figure }),
  });
  const observed: fc.Arbitrary<Observed> = fc.record({
    since: fc.constant(SINCE),
    candidate: observation,
    incumbent: fc.option(observation, { nil: null }),
  });
  const bound = fc.double({ min: 0.001, max: 10, noNaN: true });
  const check: fc.Arbitrary<LiveCheck> = fc
    .record(
      {
        metric: fc.constantFrom('error_rate', 'latency_p95_ms', 'latency_p99_ms', 'drift'),
        max: bound,
        maxRatioToIncumbent: bound,
        minSamples: fc.integer({ min: 1, max: 1500 }),
        onNoData: fc.constantFrom('wait', 'pause', 'fail'),
      },
      { requiredKeys: ['metric', 'max'] },
    )
    .chain((both) =>
      fc.boolean().map((onlyRatio) => {
        const { max: _, ...rest } = both;
        return onlyRatio && rest.maxRatioToIncumbent !== undefined ? rest : both;
      }),
    );
  const rank = { passed: 0, 'no-data': 1, failed: 2 } as const;
  const rankOf = (of: LiveCheck, on: Observed): number => rank[judgeLive([of], on).verdict];
  const more = fc.double({ min: 0, max: 10, noNaN: true });

  it('a higher maximum or ratio never makes a verdict worse', () => {
    fc.assert(
      fc.property(check, observed, more, (of, on, by) => {
        const { max, maxRatioToIncumbent: ratio } = of;
        if (max !== undefined)
          expect(rankOf({ ...of, max: max + by }, on)).toBeLessThanOrEqual(rankOf(of, on));
        if (ratio !== undefined) {
          const looser = { ...of, maxRatioToIncumbent: ratio + by };
          expect(rankOf(looser, on)).toBeLessThanOrEqual(rankOf(of, on));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('asking for more samples never makes one pass that did not (U3)', () => {
    fc.assert(
      fc.property(check, observed, fc.nat(2000), (of, on, by) => {
        const stricter = { ...of, minSamples: (of.minSamples ?? 1) + by };
        if (rankOf(of, on) > 0) expect(rankOf(stricter, on)).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('one more check never makes a report better', () => {
    fc.assert(
      fc.property(fc.array(check, { maxLength: 4 }), check, observed, (of, extra, on) => {
        const before = rank[judgeLive(of, on).verdict];
        const after = rank[judgeLive([...of, extra], on).verdict];
        expect(after).toBe(Math.max(before, rankOf(extra, on)));
      }),
    );
  });

  it('a candidate without data never passes, and a figure in a report is a finite number (U3)', () => {
    fc.assert(
      fc.property(check, observed, (of, on) => {
        expect(rankOf(of, { ...on, candidate: silent })).toBeGreaterThan(0);
        for (const { candidate, incumbent, reason } of judgeLive([of], on).checks) {
          for (const value of [candidate, incumbent])
            expect(value === null || Number.isFinite(value)).toBe(true);
          expect(reason).not.toBe('');
        }
      }),
    );
  });

  it('a candidate that does as the incumbent does never fails a ratio of one or more', () => {
    fc.assert(
      fc.property(check, observation, more, (of, same, by) => {
        const { max: _, ...rest } = of;
        const ratio: LiveCheck = { ...rest, maxRatioToIncumbent: 1 + by, onNoData: 'wait' };
        expect(rankOf(ratio, against(same, same))).toBeLessThan(2);
      }),
      { numRuns: 500 },
    );
  });
});
