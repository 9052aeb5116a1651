import { describe, expect, it } from 'vitest';
import { shadowTerms } from '../../temporal/shadow-terms.js';
import { definition } from '../workflows/policy/tag/tags.js';

const NOW = '2026-01-01T12:00:00.000Z';
const checks = [{ metric: 'error_rate', max: 0.1 }];

describe('the terms of a shadow window', () => {
  it('are the defaults where nobody says anything', () => {
    expect(shadowTerms({}, definition, NOW)).toEqual({
      ...{ from: NOW, until: '2026-01-02T12:00:00.000Z', samplingPercent: 100 },
      ...{ pool: 'default', minRequests: 1_000, checks: [] },
    });
  });

  it("are the definition's, and the caller's before them", () => {
    const shadow = { duration: '1h', samplingPercent: 10, pool: 'gpu', minRequests: 5, checks };
    const defined = { ...definition, shadow };
    expect(shadowTerms({}, defined, NOW)).toMatchObject({
      ...{ until: '2026-01-01T13:00:00.000Z', samplingPercent: 10, pool: 'gpu', minRequests: 5 },
    });
    const asked = { duration: '2h', samplingPercent: 20, pool: 'cpu', minRequests: 0, checks: [] };
    expect(shadowTerms(asked, defined, NOW)).toMatchObject({
      ...{ until: '2026-01-01T14:00:00.000Z', samplingPercent: 20, pool: 'cpu', minRequests: 0 },
    });
  });

  it('begin now where they were to begin before, and end when they were to end', () => {
    const from = '2026-01-01T11:00:00.000Z';
    expect(shadowTerms({ from, duration: '2h' }, definition, NOW)).toMatchObject({
      ...{ from: NOW, until: '2026-01-01T13:00:00.000Z' },
    });
    const until = '2026-01-03T00:00:00.000Z';
    expect(shadowTerms({ from: '2026-01-02T00:00:00.000Z', until }, definition, NOW)).toMatchObject(
      { from: '2026-01-02T00:00:00.000Z', until },
    );
  });
});
