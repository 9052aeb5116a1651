import { describe, expect, it } from 'vitest';
import { createFaultPlan } from '../../testing/fault-proxy/plan.js';
import { millisecondsOf, newSeed, seededRandom } from '../../testing/fault-proxy/random.js';

const LINES = Array.from({ length: 200 }, (_, index) => `GET /${String(index)}`);

function metBy(plan: ReturnType<typeof createFaultPlan<string>>, lines = LINES) {
  return lines.map((line) => plan.decide(line)?.fault);
}

describe('a storm', () => {
  const storm = { rate: 0.3, faults: ['reset', 'latency', 'hang'] };

  it("decides the same for the same seed and order, whether the seed is its own or the proxy's", () => {
    const [one, two] = [createFaultPlan<string>(1), createFaultPlan<string>(2)];
    one.storm({ ...storm, seed: 42 });
    two.storm({ ...storm, seed: 42 });
    const met = metBy(one);
    expect(metBy(two)).toEqual(met);
    const own = createFaultPlan<string>(42);
    own.storm(storm);
    expect(metBy(own)).toEqual(met);
    own.storm({ ...storm, seed: 43 });
    expect(metBy(own)).not.toEqual(met);
  });

  it('meets about as many lines as its rate says, with each of its faults', () => {
    const plan = createFaultPlan<string>(42);
    plan.storm(storm);
    const met = metBy(plan).filter((fault) => fault !== undefined);
    expect(met.length).toBeGreaterThan(40);
    expect(met.length).toBeLessThan(80);
    expect([...new Set(met)].sort()).toEqual(['hang', 'latency', 'reset']);
  });

  it('meets at a lower rate fewer of the same lines, each with the same fault', () => {
    const [often, rarely] = [createFaultPlan<string>(42), createFaultPlan<string>(42)];
    often.storm(storm);
    rarely.storm({ ...storm, rate: 0.1 });
    const expected = metBy(often);
    const met = metBy(rarely);
    expect(met.filter((fault, index) => fault !== undefined && fault !== expected[index])).toEqual(
      [],
    );
    expect(met.filter(Boolean).length).toBeGreaterThan(5);
  });

  it('meets nothing at rate 0 and everything at rate 1', () => {
    const plan = createFaultPlan<string>(42);
    plan.storm({ rate: 0, faults: ['reset'] });
    expect(new Set(metBy(plan))).toEqual(new Set([undefined]));
    plan.storm({ rate: 1, faults: ['reset'] });
    expect(new Set(metBy(plan))).toEqual(new Set(['reset']));
  });

  it('decides the same whatever rules and lines of others come between', () => {
    const [alone, crowded] = [createFaultPlan<string>(42), createFaultPlan<string>(42)];
    for (const plan of [alone, crowded]) plan.storm({ ...storm, match: /^GET / });
    crowded.inject(/\/7$/, 'answer', Infinity);
    const expected = metBy(alone);
    const met = LINES.map((line) => {
      crowded.decide(`POST ${line}`);
      return crowded.decide(line)?.fault;
    });
    expect(met.filter((_, index) => !/7$/.test(String(index)))).toEqual(
      expected.filter((_, index) => !/7$/.test(String(index))),
    );
    expect(met[7]).toBe('answer');
  });

  it.each([-0.1, 1.1, NaN])('is refused with the rate %d', (rate) => {
    expect(() => createFaultPlan<string>(1).storm({ rate, faults: ['reset'] })).toThrow(RangeError);
  });

  it('is refused without faults', () => {
    expect(() => createFaultPlan<string>(1).storm({ rate: 1, faults: [] })).toThrow(RangeError);
  });
});

describe('a rule', () => {
  it('meets the next lines that match, as often as it says', () => {
    const plan = createFaultPlan<string>(1);
    plan.inject(/^GET/, 'reset', 2);
    expect(metBy(plan, ['POST /', 'GET /', 'GET /', 'GET /'])).toEqual([
      undefined,
      'reset',
      'reset',
      undefined,
    ]);
  });

  it('gives way to an older one, and comes before a storm', () => {
    const plan = createFaultPlan<string>(1);
    plan.storm({ rate: 1, faults: ['storm'] });
    plan.inject(/^GET/, 'older');
    plan.inject(/^GET/, 'younger');
    expect(metBy(plan, ['GET /', 'GET /', 'GET /'])).toEqual(['older', 'younger', 'storm']);
  });

  it('is kept for a line to which it can happen', () => {
    const plan = createFaultPlan<string>(1);
    plan.inject(/^GET/, 'stale');
    expect(plan.decide('GET /', () => false)).toBeUndefined();
    expect(plan.decide('GET /')?.fault).toBe('stale');
  });

  it('matches every time although its pattern remembers where it was', () => {
    const plan = createFaultPlan<string>(1);
    plan.inject(/GET/g, 'reset', 3);
    expect(metBy(plan, ['GET /', 'GET /', 'GET /'])).toEqual(['reset', 'reset', 'reset']);
  });
});

describe('a plan', () => {
  it('logs what was met, in order, and not what could not happen', () => {
    const plan = createFaultPlan<string>(1);
    plan.inject(/a/, 'reset');
    plan.inject(/b/, 'hang');
    plan.decide('b', () => false);
    plan.decide('b');
    plan.decide('c');
    plan.decide('a');
    expect(plan.injected).toEqual([
      { line: 'b', fault: 'hang' },
      { line: 'a', fault: 'reset' },
    ]);
  });

  it('forgets rules and storm when it calms', () => {
    const plan = createFaultPlan<string>(1);
    plan.inject(/x/, 'reset');
    plan.storm({ rate: 1, faults: ['hang'] });
    plan.calm();
    expect(plan.decide('x')).toBeUndefined();
  });
});

describe('chance', () => {
  it('is the known sequence of mulberry32', () => {
    const random = seededRandom(0);
    expect([random(), random()].map((number) => Math.floor(number * 2 ** 32))).toEqual([
      1144304738, 1416247,
    ]);
  });

  it('says how far into a span a latency is', () => {
    expect(millisecondsOf(7, 0.5)).toBe(7);
    expect(millisecondsOf([10, 20], 0)).toBe(10);
    expect(millisecondsOf([10, 20], 0.5)).toBe(15);
  });

  it('gives every proxy a seed of its own', () => {
    expect(new Set(Array.from({ length: 20 }, newSeed)).size).toBeGreaterThan(10);
  });
});
