import { describe, expect, it } from 'vitest';
import { append, firstBroken } from '../../../workflows/policy/ledger.js';
import { draft, emptyTag } from '../../../workflows/policy/tag/state.js';
import { asked } from './tag/tags.js';

const AT = '2026-02-01T00:00:00.000Z';
const SETTLED = { at: AT, outcome: 'applied' as const, fence: null };
/** Of the journal's params in MLflow. */
const MOST_BYTES = 4_000;

const entryWith = (evidence: string[], reason = 'a reason') =>
  append(
    emptyTag('flight-delay'),
    { ...draft('promote', 1, 2, asked()), reason, evidence },
    SETTLED,
  ).entry;

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('an entry of the ledger', () => {
  it('tells all of its evidence when that is short', () => {
    expect(entryWith(['gate run-2', 'approved by bob']).evidence).toEqual([
      'gate run-2',
      'approved by bob',
    ]);
  });

  it('fits the journal, however much there is to tell, and counts what it leaves out (I3)', () => {
    const approvals = Array.from(
      { length: 20 },
      (_, at) => `approved by ${'n'.repeat(200)} ${String(at)}`,
    );
    const entry = entryWith(
      ['override: '.concat('説'.repeat(390)), ...approvals],
      '説'.repeat(400),
    );
    expect(bytesOf(entry)).toBeLessThan(MOST_BYTES);
    expect(entry.evidence).toHaveLength(2);
    expect(entry.evidence.at(-1)).toBe('and 20 more');
    expect(firstBroken([entry])).toBeNull();
  });
});
