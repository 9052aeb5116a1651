import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BUCKET_COUNT,
  bucketOf,
  quantileMs,
  upperBoundMs,
} from '../../temporal/latency-buckets.js';

const LAST = BUCKET_COUNT - 1;
const MINUTES = 60_000;
const indexes = Array.from({ length: BUCKET_COUNT }, (_, index) => index);
const latency = fc.double({ min: 0.1, max: 10 * MINUTES, noNaN: true });

function counted(latencies: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const ms of latencies) counts[bucketOf(ms)] = (counts[bucketOf(ms)] ?? 0) + 1;
  return counts;
}

describe('a latency bucket', () => {
  it('reaches up to its bound and no further, whatever rounding does', () => {
    for (const index of indexes.slice(0, LAST)) {
      const bound = upperBoundMs(index);
      expect(bound).toBeCloseTo(0.1 * 1.1 ** index, 6);
      expect(bucketOf(bound)).toBe(index);
      expect(bucketOf(bound * (1 + Number.EPSILON))).toBe(index + 1);
    }
  });

  it('holds every latency between its bounds', () => {
    fc.assert(
      fc.property(latency, (ms) => {
        const index = bucketOf(ms);
        expect(ms).toBeLessThanOrEqual(upperBoundMs(index));
        if (index > 0) expect(ms).toBeGreaterThan(upperBoundMs(index - 1));
      }),
    );
  });

  it('is the first for what is shorter than can be told apart', () => {
    for (const ms of [-1, 0, 0.05, 0.1, NaN]) expect(bucketOf(ms)).toBe(0);
  });

  it('is the last for ten minutes and everything longer', () => {
    for (const ms of [10 * MINUTES, 11 * MINUTES, 1e9, Number.MAX_VALUE, Infinity])
      expect(bucketOf(ms)).toBe(LAST);
    expect(upperBoundMs(LAST)).toBeGreaterThanOrEqual(10 * MINUTES);
    expect(upperBoundMs(LAST - 1)).toBeLessThan(10 * MINUTES);
  });

  it('has no bound where there is no bucket', () => {
    for (const index of [-1, 0.5, BUCKET_COUNT, NaN])
      expect(() => upperBoundMs(index)).toThrow(`0 to ${String(LAST)}, got ${String(index)}`);
  });
});

describe('a quantile of latencies', () => {
  it('is null when nothing was counted (U3)', () => {
    for (const empty of [{}, { '3': 0 }]) expect(quantileMs(empty, 0.99)).toBeNull();
  });

  it('is at most 10 % off the latency that many do not exceed', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 60 }), share, (latencies, q) => {
        const sorted = latencies.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? NaN;
        const ratio = (quantileMs(counted(latencies), q) ?? NaN) / exact;
        expect(ratio).toBeGreaterThan(1 / 1.1 - 1e-9);
        expect(ratio).toBeLessThan(1.1 + 1e-9);
      }),
    );
  });

  it('never shrinks when the share grows', () => {
    const counts = fc.dictionary(fc.integer({ min: 0, max: LAST }).map(String), fc.nat(50), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(counts, (latencies) => {
        const quantiles = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 1].map(
          (q) => quantileMs(latencies, q) ?? 0,
        );
        expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b));
      }),
    );
  });

  it('goes through its bucket on the log scale', () => {
    const [from, to] = [upperBoundMs(49), upperBoundMs(50)];
    const half = { '50': 4 };
    expect(quantileMs(half, 0)).toBeCloseTo(from, 9);
    expect(quantileMs(half, 0.5)).toBeCloseTo(Math.sqrt(from * to), 9);
    expect(quantileMs(half, 1)).toBeCloseTo(to, 9);
  });

  it('takes buckets in the order of their latency, not of their names', () => {
    expect(quantileMs({ '100': 1, '9': 99 }, 0.5)).toBeLessThan(upperBoundMs(9));
    expect(quantileMs({ '100': 1, '9': 99 }, 1)).toBeCloseTo(upperBoundMs(100), 6);
  });

  it('of answers too fast to tell apart is the bound of the first bucket', () => {
    for (const q of [0, 0.5, 1]) expect(quantileMs({ '0': 5 }, q)).toBe(0.1);
  });
});
