import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelFigures, TrafficFigures } from '../../../temporal/contracts/figures.js';
import { figuresBetween } from '../../../workflows/policy/window-figures.js';

const ID = 'churn/2';
const reading = (figures: ModelFigures | null, epoch = 'one'): TrafficFigures => ({
  tag: 'churn',
  epoch,
  at: '2026-11-21T12:00:00.000Z',
  models: figures === null ? {} : { [ID]: figures },
});
const counted = (over: Partial<ModelFigures> = {}): ModelFigures => ({
  requests: 100,
  errors: 3,
  latency: { '40': 60, '41': 37 },
  ...over,
});

describe('the figures of a window', () => {
  it('are what was counted between two readings', () => {
    const later = counted({ requests: 150, errors: 4, latency: { '40': 60, '41': 80, '50': 6 } });
    expect(figuresBetween(reading(counted()), reading(later), ID)).toEqual({
      requests: 50,
      errors: 1,
      latency: { '41': 43, '50': 6 },
    });
  });

  it('are none, not zero, for a model that the later reading does not know (U3)', () => {
    expect(figuresBetween(reading(counted()), reading(null), ID)).toBeNull();
    expect(figuresBetween(null, reading(null), ID)).toBeNull();
  });

  it('are all that was counted where the window began before the counting did', () => {
    expect(figuresBetween(null, reading(counted()), ID)).toEqual(counted());
    expect(figuresBetween(reading(null), reading(counted()), ID)).toEqual(counted());
  });

  it.each([
    ['another epoch', counted({ requests: 1, errors: 0, latency: {} }), 'zero'],
    ['fewer requests', counted({ requests: 101 }), 'one'],
    ['fewer errors', counted({ errors: 4 }), 'one'],
    ['fewer answers of a latency', counted({ latency: { '41': 38 } }), 'one'],
    ['a latency that is gone', counted({ latency: { '9': 1 } }), 'one'],
  ])("are the later reading's own after the gateway began anew: %s", (_, before, epoch) => {
    expect(figuresBetween(reading(before, epoch), reading(counted()), ID)).toEqual(counted());
  });

  it('are what was added, whatever it was added to', () => {
    const figures = fc.record({
      requests: fc.nat(1000),
      errors: fc.nat(100),
      latency: fc.dictionary(fc.nat(20).map(String), fc.integer({ min: 1, max: 50 }), {
        noNullPrototype: true,
      }),
    });
    fc.assert(
      fc.property(figures, figures, (before, added) => {
        const buckets = new Set([...Object.keys(before.latency), ...Object.keys(added.latency)]);
        const latency = Object.fromEntries(
          [...buckets].map((key) => [key, (before.latency[key] ?? 0) + (added.latency[key] ?? 0)]),
        );
        const after = {
          requests: before.requests + added.requests,
          errors: before.errors + added.errors,
          latency,
        };
        expect(figuresBetween(reading(before), reading(after), ID)).toEqual(added);
      }),
    );
  });
});
