import { describe, expect, it } from 'vitest';
import { mayBook } from '../../../../workflows/policy/pool/retention.js';
import { pack, unpack } from '../../../../workflows/policy/pool/packed.js';
import type { Held } from '../../../../workflows/policy/pool/state.js';
import { booking, DrivenPool, START } from './pool.js';

const DAY = 24 * 60;

const held = (number: number, over: Partial<Held> = {}): Held => ({
  ...{ number, tag: 'flight-delay', version: 12, bookedBy: 'alice', workflowId: null, ended: null },
  ...{ from: START + number * 60_000, until: START + (number + 1) * 60_000 },
  ...over,
});

const many = (count: number, over: Partial<Held> = {}): Held[] =>
  Array.from({ length: count }, (_, index) => held(100 + index, over));

describe('what a pool keeps', () => {
  it('is a booking that has ended, for 30 days', () => {
    const pool = new DrivenPool();
    pool.take(pool.book(0, 10));
    pool.book(30 * DAY, 30 * DAY + 10);
    pool.minute = 30 * DAY + 9;
    pool.book(40 * DAY, 41 * DAY);
    expect(pool.calendar()).toHaveLength(3);
    pool.minute = 30 * DAY + 10;
    pool.book(50 * DAY, 51 * DAY);
    expect(pool.calendar().map(({ bookingId }) => bookingId)).toEqual(['gpu-2', 'gpu-3', 'gpu-4']);
  });

  it('is the thousand that ended last, and every one that has not', () => {
    const pool = new DrivenPool();
    pool.state = { ...pool.state, bookings: many(1_500, { workflowId: 'shadow/a' }) };
    pool.minute = 1_400;
    pool.book(3_000, 3_001);
    const kept = pool.state.bookings.map(({ number }) => number);
    expect(kept).toHaveLength(1_000 + 200 + 1);
    expect(kept.slice(0, 2)).toEqual([400, 401]);
  });

  it('is at most ten thousand bookings to come, and then one is refused until another is cancelled', () => {
    const pool = new DrivenPool();
    pool.state = { ...pool.state, bookings: many(10_000) };
    expect(pool.try(booking(20_000, 20_001))).toMatchObject({
      type: 'InvalidRequest',
      details: { issues: [{ path: 'pool' }] },
    });
    pool.free({ bookingId: 'gpu-150' } as never, 'cancelled');
    expect(pool.try(booking(20_000, 20_001))).toBeNull();
  });

  it('S5 fits into what continue-as-new carries, whatever people, tags and runs are called', () => {
    const long = { tag: 'x'.repeat(81), bookedBy: 'y'.repeat(200), workflowId: 'z'.repeat(1_000) };
    let count = 0;
    while (mayBook(many(count, long), START)) count += 10;
    const ended = { as: 'cancelled' as const, at: START, reason: 'r'.repeat(600) };
    const pool = new DrivenPool({ slots: 1_000 });
    const bookings = [...many(count, long), ...many(1_000, { ...long, ended })];
    pool.state = { ...pool.state, bookings };
    pool.minute = 1;
    pool.free({ bookingId: 'gpu-100' } as never, 'cancelled', long.workflowId);
    // Beside 600,000 characters of answers (policy/tag/done.ts), of 2 MiB.
    expect(JSON.stringify(pack(pool.state)).length).toBeLessThan(1_200_000);
  });

  it('is the same after it was packed', () => {
    const pool = new DrivenPool({ slots: 9, tiers: ['critical'] });
    const bookings = [
      held(1),
      held(2, { workflowId: 'shadow/a' }),
      held(3, { ended: { as: 'done', at: START, reason: null } }),
      held(4, { ended: { as: 'cancelled', at: START, reason: 'why' } }),
    ];
    const state = { ...pool.state, booked: 4, bookings };
    expect(unpack(JSON.parse(JSON.stringify(pack(state))) as never)).toEqual(state);
  });
});
