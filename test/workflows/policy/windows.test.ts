import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Span, WindowSpans } from '../../../temporal/contracts/windows.js';
import { windowAt } from '../../../workflows/policy/windows.js';

const START = Date.parse('2026-11-21T00:00:00Z');
const minute = (index: number): string => new Date(START + index * 60_000).toISOString();
const span = (from: number, until: number): Span => ({ from: minute(from), until: minute(until) });

const spans = (over: Partial<WindowSpans> = {}): WindowSpans => ({
  ...span(0, 100),
  allow: null,
  deny: [],
  ...over,
});

describe('a change window', () => {
  it('is open where nothing is denied and there is no allow list (U6)', () => {
    expect(windowAt(spans(), minute(5))).toEqual({ open: true, until: null });
    expect(windowAt(spans({ deny: [span(7, 9)] }), minute(5))).toEqual({
      open: true,
      until: minute(7),
    });
  });

  it('needs an open window of the allow list when there is one (U6)', () => {
    const only = spans({ allow: [span(10, 20), span(40, 50)] });
    expect(windowAt(only, minute(5))).toEqual({
      open: false,
      nextOpening: minute(10),
      because: `no allowed window until ${minute(10)}`,
    });
    expect(windowAt(only, minute(10))).toEqual({ open: true, until: minute(20) });
    expect(windowAt(only, minute(20))).toMatchObject({ open: false, nextOpening: minute(40) });
    expect(windowAt(only, minute(50))).toEqual({
      open: false,
      nextOpening: null,
      because: `no allowed window until ${minute(100)}`,
    });
  });

  it('is closed by a denial whatever is allowed, and says until when (U6)', () => {
    const both = spans({ allow: [span(10, 50)], deny: [span(15, 30), span(50, 60)] });
    expect(windowAt(both, minute(12))).toEqual({ open: true, until: minute(15) });
    expect(windowAt(both, minute(15))).toEqual({
      open: false,
      nextOpening: minute(30),
      because: `denied until ${minute(30)}`,
    });
    expect(windowAt(both, minute(30))).toEqual({ open: true, until: minute(50) });
  });

  it('opens where a denial ends only when that instant is allowed (U6)', () => {
    const later = spans({ allow: [span(10, 12), span(40, 50)], deny: [span(5, 20), span(38, 45)] });
    expect(windowAt(later, minute(6))).toEqual({
      open: false,
      nextOpening: minute(45),
      because: `denied until ${minute(20)}`,
    });
  });

  it('is closed outside of what is known of it (U6)', () => {
    for (const at of [minute(-1), minute(100), minute(1000)]) {
      expect(windowAt(spans(), at)).toEqual({
        open: false,
        nextOpening: null,
        because: `the change windows are known from ${minute(0)} to ${minute(100)} only`,
      });
    }
  });

  it('compares instants as times, however they are written (U6)', () => {
    const [from, until] = ['2026-11-21T00:00:00Z', '2026-11-21T01:00:00Z'];
    const written = { from, until, allow: [{ from, until: '2026-11-21T00:10:00Z' }], deny: [] };
    expect(windowAt(written, '2026-11-21T00:00:00.000Z')).toEqual({
      open: true,
      until: '2026-11-21T00:10:00Z',
    });
    expect(windowAt(written, '2026-11-21T00:10:00.000Z')).toMatchObject({ open: false });
  });

  it('is what one finds by looking at every minute (U6)', () => {
    const MINUTES = 40;
    const coverage = fc.array(fc.boolean(), { minLength: MINUTES, maxLength: MINUTES });
    const at = fc.integer({ min: 0, max: MINUTES - 1 });
    fc.assert(
      fc.property(fc.option(coverage), coverage, at, (allow, deny, now) => {
        const isOpen = (index: number): boolean =>
          (allow === null || allow[index] === true) && deny[index] === false;
        const first = (from: number, wanted: boolean): number | null => {
          for (let index = from; index < MINUTES; index += 1)
            if (isOpen(index) === wanted) return index;
          return null;
        };
        const known = { ...span(0, MINUTES), allow: allow && runsOf(allow), deny: runsOf(deny) };
        const state = windowAt(known, minute(now));
        expect(state.open).toBe(isOpen(now));
        const change = first(now, !state.open);
        expect(state.open ? state.until : state.nextOpening).toBe(
          change === null ? null : minute(change),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

/** The stretches in which a minute is covered, in order and apart. */
function runsOf(covered: boolean[]): Span[] {
  const runs: Span[] = [];
  let begun: number | null = null;
  [...covered, false].forEach((here, index) => {
    if (here) begun ??= index;
    else if (begun !== null) {
      runs.push(span(begun, index));
      begun = null;
    }
  });
  return runs;
}
