import { describe, expect, it } from 'vitest';
import { Breaker } from '../../gateway/mirror/breaker.js';
import { ByteBudget } from '../../gateway/mirror/byte-budget.js';
import { MirrorCounts } from '../../gateway/mirror/counts.js';
import { isSampled } from '../../gateway/mirror/sampling.js';
import { percentileOf } from '../../gateway/routes/pick.js';

const ids = Array.from({ length: 20_000 }, (_, index) => `request-${String(index)}`);
const share = (of: readonly string[], percent: number): number =>
  of.filter((id) => isSampled(id, percent)).length / of.length;

describe('the sample of a mirror', () => {
  it.each([0.5, 10, 50, 99])('is %d %% of the requests', (percent) => {
    expect(Math.abs(share(ids, percent) - percent / 100)).toBeLessThan(0.015);
  });

  it('is everything at 100 %', () => {
    expect(share(ids, 100)).toBe(1);
  });

  it('is the same each time, and grows by keeping what it had', () => {
    for (const id of ids.slice(0, 500)) {
      expect(isSampled(id, 20)).toBe(isSampled(id, 20));
      if (isSampled(id, 20)) expect(isSampled(id, 40)).toBe(true);
    }
  });

  it('is drawn evenly from what a canary leaves to the live model', () => {
    const left = ids.filter((id) => percentileOf(id) >= 50);
    expect(Math.abs(share(left, 30) - 0.3)).toBeLessThan(0.02);
  });
});

describe('the breaker of a mirror', () => {
  const settings = { failures: 3, openMs: 1_000 };
  function fail(breaker: Breaker, times: number, nowMs = 0): void {
    for (let time = 0; time < times; time += 1) {
      const attempt = breaker.admit(nowMs);
      if (attempt) breaker.settle(attempt, false, nowMs);
    }
  }

  it('opens after so many failures in a row, for so long', () => {
    const breaker = new Breaker(settings);
    fail(breaker, 2);
    expect(breaker.admit(0)).toEqual({ probe: false });
    fail(breaker, 1);
    expect(breaker.admit(0)).toBeUndefined();
    expect(breaker.admit(999)).toBeUndefined();
    expect(breaker.admit(1_000)).toEqual({ probe: true });
  });

  it('counts failures in a row only', () => {
    const breaker = new Breaker(settings);
    for (let round = 0; round < 5; round += 1) {
      fail(breaker, 2);
      breaker.settle({ probe: false }, true, 0);
    }
    expect(breaker.admit(0)).toEqual({ probe: false });
  });

  it('lets one copy find out, and opens again when that fails', () => {
    const breaker = new Breaker(settings);
    fail(breaker, 3);
    const probe = breaker.admit(1_000);
    expect(breaker.admit(5_000)).toBeUndefined();
    breaker.settle(probe ?? { probe: true }, false, 5_000);
    expect(breaker.admit(5_999)).toBeUndefined();
    expect(breaker.admit(6_000)).toEqual({ probe: true });
  });

  it('closes with the first answer', () => {
    const breaker = new Breaker(settings);
    fail(breaker, 3);
    breaker.settle(breaker.admit(1_000) ?? { probe: true }, true, 1_000);
    expect(breaker.admit(1_000)).toEqual({ probe: false });
    expect(breaker.admit(1_000)).toEqual({ probe: false });
  });
});

describe('a budget of bytes', () => {
  it('takes what fits, all or nothing, within a wider one', () => {
    const wider = new ByteBudget(10);
    const [one, other] = [new ByteBudget(8, wider), new ByteBudget(8, wider)];
    expect([one.take(8), one.take(1), other.take(3), other.take(2)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([one.held, other.held, wider.held]).toEqual([8, 2, 10]);
    one.give(8);
    expect([one.held, wider.held]).toEqual([0, 2]);
  });
});

describe('the counts of a mirror', () => {
  it('are by tag and candidate, and those of the candidates before the last sixteen are dropped', () => {
    const counts = new MirrorCounts();
    counts.eligible('b', 'b/1');
    for (let version = 1; version <= 20; version += 1) {
      counts.eligible('a', `a/${String(version)}`);
      counts.settled('a', `a/${String(version)}`, 'answered');
    }
    expect(Object.keys(counts.of('a'))).toHaveLength(16);
    expect(counts.of('a')).not.toHaveProperty('a/4');
    expect(counts.of('a')['a/20']).toEqual({
      ...{ eligible: 1, unsampled: 0, mirrored: 1, dropped: 0, failed: 0 },
    });
    expect(counts.of('b')['b/1']?.eligible).toBe(1);
    expect(counts.of('c')).toEqual({});
  });
});
