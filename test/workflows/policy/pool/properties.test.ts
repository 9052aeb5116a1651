import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Booking } from '../../../../temporal/contracts/pool.js';
import { crowded, earliestFit, meet } from '../../../../workflows/policy/pool/occupancy.js';
import type { PoolCommand } from '../../../../workflows/policy/pool/transition.js';
import { asked } from '../tag/tags.js';
import { booking, DrivenPool, minute } from './pool.js';

const LAST = 120;
const RUNS = { numRuns: 1_000 };

/** Windows over a few minutes, so that they meet often. */
const window = fc
  .tuple(fc.nat(LAST), fc.integer({ min: 1, max: 25 }))
  .map(([from, length]) => ({ from, until: from + length }));
const windows = fc.array(window, { maxLength: 12 });

const heldAt = (all: readonly { from: number; until: number }[], at: number): number =>
  all.filter(({ from, until }) => from <= at && at < until).length;
const minutes = Array.from({ length: LAST + 60 }, (_, at) => at);

describe('where windows meet', () => {
  it('is what counting them at every instant says (S1)', () => {
    fc.assert(
      fc.property(windows, fc.integer({ min: 1, max: 4 }), (all, count) => {
        const spans = crowded(all, count);
        expect(minutes.map((at) => heldAt(spans, at) === 1)).toEqual(
          minutes.map((at) => heldAt(all, at) >= count),
        );
        for (const [index, span] of spans.entries())
          expect(span.from).toBeGreaterThan(spans[index - 1]?.until ?? -1);
      }),
      RUNS,
    );
  });

  it('and the earliest window that fits is free, and none before it is (S1)', () => {
    fc.assert(
      fc.property(
        windows,
        window,
        fc.integer({ min: 1, max: 3 }),
        (all, { from, until }, slots) => {
          const length = until - from;
          const free = (start: number): boolean =>
            minutes
              .filter((at) => at >= start && at < start + length)
              .every((at) => heldAt(all, at) < slots);
          const fit = earliestFit(crowded(all, slots), from, length);
          expect(fit.until - fit.from).toBe(length);
          const first = [...minutes.filter((at) => at >= from), LAST + 60].find(free);
          expect(fit.from).toBe(first);
        },
      ),
      RUNS,
    );
  });

  it('has no room for a window of no length, and two that only touch do not meet', () => {
    expect(crowded([{ from: 5, until: 5 }], 1)).toEqual([]);
    expect(meet({ from: 0, until: 5 }, { from: 5, until: 9 })).toBe(false);
    expect(meet({ from: 0, until: 6 }, { from: 5, until: 9 })).toBe(true);
  });
});

type Step =
  | { do: 'wait'; minutes: number }
  | { do: 'book'; in: number; length: number; fit: 'exact' | 'next'; run: boolean }
  | { do: 'take' | 'extend' | 'done' | 'cancel'; which: number; by: number }
  | { do: 'apply'; slots: number };

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait'), minutes: fc.nat(12) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('book'),
      in: fc.nat(40),
      length: fc.integer({ min: 1, max: 30 }),
      fit: fc.constantFrom('exact', 'next'),
      run: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('take', 'extend', 'done', 'cancel'),
      which: fc.nat(20),
      by: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('apply'), slots: fc.integer({ min: 1, max: 3 }) }),
  },
);

const inMinutes = ({ from, until }: Booking): { from: number; until: number } => ({
  from: (Date.parse(from) - Date.parse(minute(0))) / 60_000,
  until: (Date.parse(until) - Date.parse(minute(0))) / 60_000,
});

/** The command of a step, to one of the bookings there are. */
function commandOf(pool: DrivenPool, given: Step): PoolCommand | null {
  if (given.do === 'wait') return null;
  if (given.do === 'apply')
    return { type: 'applyPool', asked: asked(), pool: { name: 'gpu', slots: given.slots } };
  if (given.do === 'book') {
    const from = pool.minute + given.in;
    const run = given.run ? { workflowId: 'shadow/a' } : {};
    return booking(from, from + given.length, { fit: given.fit, ...run });
  }
  const all = pool.calendar();
  const chosen = all[given.which % Math.max(1, all.length)];
  if (!chosen) return null;
  const of = { asked: asked('shadow/a'), bookingId: chosen.bookingId };
  if (given.do === 'take')
    return { type: 'takeBooking', ...of, tag: 'churn', version: 3, workflowId: 'shadow/a' };
  if (given.do === 'extend')
    return { type: 'extendBooking', ...of, until: minute(inMinutes(chosen).until + given.by) };
  return { type: 'freeBooking', ...of, as: given.do === 'done' ? 'done' : 'cancelled' };
}

/** Every booking whose time is, or was, its own. */
const own = (all: readonly Booking[]): { from: number; until: number }[] =>
  all.filter(({ state }) => state !== 'cancelled').map(inMinutes);

const most = (all: readonly { from: number; until: number }[]): number =>
  Math.max(0, ...all.map(({ from }) => heldAt(all, from)));

function take(pool: DrivenPool, given: Step): void {
  if (given.do === 'wait') pool.minute += given.minutes;
  const command = commandOf(pool, given);
  if (command) pool.try(command);
}

function driven(steps: readonly Step[], slots = 2): DrivenPool {
  const pool = new DrivenPool({ slots });
  for (const given of steps) take(pool, given);
  return pool;
}

describe('whatever is asked of a pool', () => {
  const steps = fc.array(step, { maxLength: 60, size: 'max' });

  it('S1 there are never more windows than slots, at any instant to come or past', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const pool = new DrivenPool({ slots: 2 });
        let everHad = 2;
        for (const given of all) {
          take(pool, given);
          const slots = pool.state.pool?.slots ?? 0;
          everHad = Math.max(everHad, slots);
          const held = own(pool.calendar());
          const ahead = held.map(({ from, until }) => ({
            from: Math.max(from, pool.minute),
            until,
          }));
          expect(most(ahead)).toBeLessThanOrEqual(slots);
          expect(most(held)).toBeLessThanOrEqual(everHad);
        }
      }),
      RUNS,
    );
  });

  it('S1 a refused window is full somewhere, and the next free instant is free and the earliest', () => {
    fc.assert(
      fc.property(steps, window, (all, { from, until }) => {
        const pool = driven(all);
        const [start, end] = [pool.minute + from, pool.minute + until];
        const slots = pool.state.pool?.slots ?? 0;
        const held = own(pool.calendar());
        const isFree = (at: number): boolean =>
          Array.from({ length: until - from }, (_, index) => at + index).every(
            (instant) => heldAt(held, instant) < slots,
          );
        const refused = pool.try(booking(start, end));
        expect(refused === null).toBe(isFree(start));
        if (refused === null) return;
        expect(refused.type).toBe('NoSlot');
        let earliest = start;
        while (!isFree(earliest)) earliest += 1;
        expect(refused.details).toEqual({ nextFree: minute(earliest) });
        expect(pool.try(booking(earliest, earliest + until - from))).toBeNull();
      }),
      RUNS,
    );
  });

  it('S1 cancelling a booking frees exactly its time, and changes no other', () => {
    fc.assert(
      fc.property(steps, fc.nat(20), (all, which) => {
        const pool = driven(all, 3);
        const before = pool.calendar();
        const chosen = before[which % Math.max(1, before.length)];
        if (!chosen) return;
        pool.free(chosen, 'cancelled', 'shadow/a');
        const after = pool.calendar();
        const isOther = ({ bookingId }: Booking): boolean => bookingId !== chosen.bookingId;
        expect(after.filter(isOther)).toEqual(before.filter(isOther));
        const ended = chosen.state === 'done' || chosen.state === 'cancelled';
        const mine = after.find((one) => !isOther(one));
        expect(mine).toEqual(
          ended ? chosen : { ...chosen, state: 'cancelled', reason: 'cancelled by ada: a reason' },
        );
      }),
      RUNS,
    );
  });

  it('S1 what time does to a booking is: booked, then running and done, or a no-show ten minutes on', () => {
    fc.assert(
      fc.property(window, fc.boolean(), fc.nat(LAST + 60), ({ from, until }, taken, at) => {
        const pool = new DrivenPool();
        pool.book(from, until, taken ? { workflowId: 'shadow/a' } : {});
        pool.minute = at;
        const takenAt = at < until ? 'running' : 'done';
        const begun = taken ? takenAt : at < Math.min(from + 10, until) ? 'booked' : 'cancelled';
        const expected = at < from ? 'booked' : begun;
        expect(pool.states()).toEqual([expected]);
        expect(pool.try(booking(at, at + 1)) === null).toBe(
          at >= until || at + 1 <= from || expected === 'cancelled',
        );
      }),
      RUNS,
    );
  });
});
