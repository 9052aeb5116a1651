import { describe, expect, it } from 'vitest';
import { Booking } from '../../../../temporal/contracts/pool.js';
import { emptyPool } from '../../../../workflows/policy/pool/state.js';
import { transition } from '../../../../workflows/policy/pool/transition.js';
import { poolViewOf, takenOf } from '../../../../workflows/policy/pool/view.js';
import { asked } from '../tag/tags.js';
import { booking, DrivenPool, minute } from './pool.js';

const naming = (path: string) => ({ type: 'InvalidRequest', details: { issues: [{ path }] } });
const DAY = 24 * 60;

describe('a window that is booked', () => {
  it('S1 is kept for its tag and version, as the contract says it', () => {
    const pool = new DrivenPool();
    const booked = pool.book(10, 20);
    expect(Booking.parse(booked)).toEqual({
      ...{ bookingId: 'gpu-1', tag: 'churn', version: 3, bookedBy: 'ada' },
      ...{ from: minute(10), until: minute(20), state: 'booked', workflowId: null, reason: null },
    });
    expect(pool.calendar()).toEqual([booked]);
    expect(poolViewOf(pool.state, pool.at)).toEqual({ pool: { name: 'gpu', slots: 1 }, active: 1 });
  });

  it('S1 is refused where the pool is full, with the next instant from which one as long is free', () => {
    const pool = new DrivenPool();
    for (const [from, until] of [
      [10, 20],
      [25, 40],
    ] as const)
      pool.book(from, until);
    const nextFree = (from: number, until: number) => pool.try(booking(from, until))?.details;
    expect(nextFree(15, 18)).toEqual({ nextFree: minute(20) });
    expect(nextFree(5, 15)).toEqual({ nextFree: minute(40) });
    expect(nextFree(15, 21)).toEqual({ nextFree: minute(40) });
    expect(pool.try(booking(15, 20))).toMatchObject({
      type: 'NoSlot',
      details: { nextFree: minute(20) },
    });
    expect(pool.state.bookings).toHaveLength(2);
  });

  it('S1 may begin at the very instant at which another ends', () => {
    const pool = new DrivenPool();
    pool.book(10, 20);
    pool.book(20, 30);
    pool.book(0, 10);
    expect(pool.try(booking(9, 31))?.type).toBe('NoSlot');
  });

  it('S1 shares every instant with as many others as there are slots', () => {
    const pool = new DrivenPool({ slots: 3 });
    pool.book(0, 100);
    pool.book(0, 100);
    pool.book(40, 60);
    expect(pool.try(booking(30, 41))?.details).toEqual({ nextFree: minute(60) });
    pool.book(0, 40);
    pool.book(60, 90);
  });

  it('S1 is the earliest that fits when the next one is asked for', () => {
    const pool = new DrivenPool();
    pool.book(10, 20);
    pool.book(25, 40);
    expect(pool.book(12, 17, { fit: 'next' })).toMatchObject({
      from: minute(20),
      until: minute(25),
    });
    expect(pool.book(5, 15, { fit: 'next' })).toMatchObject({ from: minute(40) });
    expect(pool.book(0, 10, { fit: 'next' })).toMatchObject({ from: minute(0) });
  });

  it('begins now when it is to begin a moment ago, and keeps its end or, when it may move, its length', () => {
    const pool = new DrivenPool({ slots: 2 });
    pool.minute = 10;
    expect(pool.book(9, 20)).toMatchObject({ from: minute(10), until: minute(20) });
    expect(pool.book(9, 20, { fit: 'next' })).toMatchObject({
      from: minute(10),
      until: minute(21),
    });
  });

  it('is the same however its instants are written (S1)', () => {
    const pool = new DrivenPool();
    pool.book(10, 20);
    const short = (count: number): string => minute(count).replace('.000Z', 'Z');
    const slot = { from: short(20), until: short(30) };
    expect(pool.do({ ...booking(0, 0), slot })).toMatchObject({
      from: minute(20),
      until: minute(30),
    });
    expect(pool.try({ ...booking(0, 0), slot })?.type).toBe('NoSlot');
  });

  it.each([
    ['is past', 8, 20, ['from']],
    ['is over', 2, 10, ['from', 'until']],
    ['ends where it begins', 20, 20, ['until']],
    ['ends before it begins', 20, 15, ['until']],
    ['is longer than 30 days', 20, 21 + 30 * DAY, ['until']],
  ] as const)('is refused when it %s, and every field is named', (_, from, until, paths) => {
    const pool = new DrivenPool();
    pool.minute = 10;
    const refused = pool.try(booking(from, until));
    expect(refused?.type).toBe('InvalidRequest');
    const { issues } = refused?.details as { issues: { path: string }[] };
    expect(issues.map(({ path }) => path)).toEqual(paths);
  });

  it('that a run has asked for begins now, however long it was on its way', () => {
    const pool = new DrivenPool({ slots: 3 });
    pool.minute = 50;
    const run = { workflowId: 'shadow/a' };
    const begins = { from: minute(50), state: 'running' };
    expect(pool.book(10, 60, run)).toMatchObject({ ...begins, until: minute(60) });
    const moved = pool.book(10, 30, { ...run, fit: 'next' });
    expect(moved).toMatchObject({ ...begins, until: minute(70) });
    expect(pool.try(booking(10, 30, run))).toMatchObject(naming('until'));
  });

  it('may last 30 days', () => {
    expect(new DrivenPool().book(20, 20 + 30 * DAY).state).toBe('booked');
  });

  it.each(['', 'tomorrow', '+275760-09-13T00:00:00.000Z'])(
    'is refused for the instant %j',
    (from) => {
      const refused = new DrivenPool().try({ ...booking(1, 2), slot: { from, until: from } });
      expect(refused).toMatchObject({
        type: 'InvalidRequest',
        details: { issues: [{ path: 'from' }, { path: 'until' }] },
      });
    },
  );
});

describe('a pool', () => {
  it('admits the tiers it was applied with, and says which', () => {
    const pool = new DrivenPool({ tiers: ['critical', 'standard'] });
    const refused = pool.try(booking(1, 2, { tier: 'experimental' }));
    expect(refused).toMatchObject(naming('pool'));
    expect(refused?.message).toContain("'gpu' admits critical, standard");
    pool.book(1, 2, { tier: 'critical' });
  });

  it('that was never applied is unknown, and the default one is there with one slot for every tier', () => {
    const unknown = emptyPool('typo');
    expect(transition(unknown, booking(1, 2), minute(0)).refused).toMatchObject(naming('pool'));
    expect(poolViewOf(unknown, minute(0))).toEqual({ pool: null, active: 0 });
    const state = emptyPool('default');
    expect(poolViewOf(state, minute(0)).pool).toEqual({ name: 'default', slots: 1 });
    for (const tier of ['critical', 'standard', 'experimental'] as const)
      expect(transition(state, booking(1, 2, { tier }), minute(0)).refused).toBeUndefined();
  });

  it('is applied under its own name only', () => {
    const pool = { name: 'other', slots: 1 };
    expect(new DrivenPool().try({ type: 'applyPool', asked: asked(), pool })).toMatchObject(
      naming('name'),
    );
  });

  it('S1 never shrinks below what is booked, and names the instants that are over', () => {
    const pool = new DrivenPool({ slots: 3 });
    pool.book(10, 30);
    pool.book(20, 40);
    pool.book(25, 27);
    pool.book(50, 60);
    const shrink = (slots: number) =>
      pool.try({ type: 'applyPool', asked: asked(), pool: { name: 'gpu', slots } });
    const refused = shrink(1);
    expect(refused).toMatchObject(naming('slots'));
    expect(refused?.details['over']).toEqual([{ from: minute(20), until: minute(30) }]);
    expect(shrink(2)?.details['over']).toEqual([{ from: minute(25), until: minute(27) }]);
    expect(shrink(3)).toBeNull();
    // What is over is not in the way any more.
    pool.minute = 30;
    expect(shrink(1)).toBeNull();
    expect(pool.try(booking(45, 55))?.type).toBe('NoSlot');
  });
});

describe('a booking', () => {
  it('S1 that no run takes within ten minutes of its beginning is a no-show, and its time is free', () => {
    const pool = new DrivenPool();
    const missed = pool.book(10, 60);
    pool.minute = 19;
    expect(pool.states()).toEqual(['booked']);
    expect(pool.try(booking(30, 40))?.type).toBe('NoSlot');
    pool.minute = 20;
    expect(pool.calendar()).toMatchObject([
      { state: 'cancelled', reason: `no-show: no run took it by ${minute(20)}` },
    ]);
    expect(pool.book(30, 40).state).toBe('booked');
    const late = { asked: asked(), ...missed, workflowId: 'shadow/a' };
    expect(pool.try({ type: 'takeBooking', ...late })).toMatchObject(naming('bookingId'));
  });

  it('that is shorter than that is a no-show when it is over', () => {
    const pool = new DrivenPool();
    pool.book(10, 12);
    pool.minute = 12;
    expect(pool.calendar()).toMatchObject([{ state: 'cancelled' }]);
  });

  it('S1 that a run has taken runs from its beginning to its end, and is done', () => {
    const pool = new DrivenPool();
    const booked = pool.book(10, 60);
    expect(pool.take(booked)).toMatchObject({ state: 'booked', workflowId: 'shadow/a' });
    const seen = [9, 10, 30, 59, 60].map((count) => {
      pool.minute = count;
      return pool.states()[0];
    });
    expect(seen).toEqual(['booked', 'running', 'running', 'running', 'done']);
  });

  it('that a run books for itself is taken by it', () => {
    const pool = new DrivenPool();
    const own = pool.book(0, 60, { workflowId: 'shadow/a' });
    expect(own).toMatchObject({ state: 'running', workflowId: 'shadow/a' });
    pool.minute = 30;
    expect(pool.states()).toEqual(['running']);
    expect(pool.take(own)).toMatchObject({ state: 'running' });
  });

  it('is taken by one run, and for its own tag and version', () => {
    const pool = new DrivenPool();
    const booked = pool.book(10, 60);
    const take = (over: object) => {
      const { bookingId, tag, version } = booked;
      const command = { asked: asked(), bookingId, tag, version, workflowId: 'shadow/b', ...over };
      return pool.try({ type: 'takeBooking', ...command });
    };
    expect(take({ tag: 'other' })).toMatchObject(naming('bookingId'));
    expect(take({ version: 4 })).toMatchObject(naming('bookingId'));
    expect(take({ bookingId: 'gpu-9' })).toMatchObject(naming('bookingId'));
    pool.take(booked);
    expect(take({})).toMatchObject({ type: 'Busy', details: { workflowId: 'shadow/a' } });
    expect(take({ workflowId: 'shadow/a' })).toBeNull();
  });

  it('S1 is lengthened where there is room, and told the next free instant where there is none', () => {
    const pool = new DrivenPool();
    const booked = pool.take(pool.book(10, 20));
    pool.book(30, 40, { workflowId: 'shadow/b' });
    pool.minute = 15;
    expect(pool.extend(booked, 30)).toMatchObject({ until: minute(30), state: 'running' });
    const refused = pool.try({
      ...{
        type: 'extendBooking',
        asked: asked('shadow/a'),
        bookingId: booked.bookingId,
        until: minute(31),
      },
    });
    expect(refused).toMatchObject({ type: 'NoSlot', details: { nextFree: minute(40) } });
    expect(pool.extend(booked, 30)).toMatchObject({ until: minute(30) });
  });

  it('may be lengthened by its run after its end, as long as nobody else was given the time since', () => {
    const pool = new DrivenPool();
    const booked = pool.take(pool.book(10, 20));
    pool.minute = 21;
    expect(pool.states()).toEqual(['done']);
    expect(pool.extend(booked, 30)).toMatchObject({ until: minute(30), state: 'running' });
    pool.minute = 31;
    pool.book(31, 35, { workflowId: 'shadow/b' });
    pool.minute = 36;
    const bookingId = booked.bookingId;
    expect(
      pool.try({ type: 'extendBooking', asked: asked('shadow/a'), bookingId, until: minute(50) })
        ?.type,
    ).toBe('NoSlot');
  });

  it.each([
    ['before its end', 'until', 15],
    ['beyond 30 days', 'until', 11 + 30 * DAY],
    ['to no instant', 'until', NaN],
  ])('is not lengthened to an end %s', (_, path, until) => {
    const pool = new DrivenPool();
    const { bookingId } = pool.take(pool.book(10, 20));
    const end = Number.isNaN(until) ? 'soon' : minute(until);
    const command = { asked: asked('shadow/a'), bookingId, until: end };
    expect(pool.try({ type: 'extendBooking', ...command })).toMatchObject(naming(path));
  });

  it('is not lengthened by another run than the one that took it', () => {
    const pool = new DrivenPool();
    const { bookingId } = pool.take(pool.book(10, 20));
    const command = { asked: asked('shadow/b'), bookingId, until: minute(30) };
    expect(pool.try({ type: 'extendBooking', ...command })).toMatchObject({
      type: 'Busy',
      details: { workflowId: 'shadow/a' },
    });
  });

  it('is not lengthened when no run has taken it, or somebody has freed it', () => {
    const pool = new DrivenPool();
    const booked = pool.book(10, 20);
    const extend = () => {
      const command = { asked: asked(), bookingId: booked.bookingId, until: minute(30) };
      return pool.try({ type: 'extendBooking', ...command });
    };
    expect(extend()).toMatchObject(naming('bookingId'));
    pool.free(booked, 'cancelled');
    expect(extend()).toMatchObject(naming('bookingId'));
  });

  it('S1 that is cancelled frees its time and says by whom; cancelling it again changes nothing', () => {
    const pool = new DrivenPool();
    const booked = pool.book(10, 60);
    const cancelled = pool.free(booked, 'cancelled');
    expect(cancelled).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled by ada: a reason',
      until: minute(60),
    });
    pool.book(10, 60);
    expect(pool.free(booked, 'cancelled')).toEqual(cancelled);
    expect(pool.free(booked, 'done')).toEqual(cancelled);
  });

  it('S1 that is done before its end frees what is left of it', () => {
    const pool = new DrivenPool();
    const booked = pool.take(pool.book(10, 60));
    pool.minute = 30;
    expect(pool.free(booked, 'done', 'shadow/a')).toMatchObject({
      ...{ state: 'done', until: minute(30) },
    });
    pool.book(30, 60);
  });

  it('that never began is cancelled, also when its run calls it done', () => {
    const pool = new DrivenPool();
    const booked = pool.take(pool.book(10, 60));
    expect(pool.free(booked, 'done', 'shadow/a')).toMatchObject({
      ...{ state: 'cancelled', until: minute(60) },
    });
  });

  it.each(['done', 'cancelled'] as const)(
    'that a run has taken is freed as %s by that run only, whose id everybody else is told',
    (as) => {
      const pool = new DrivenPool();
      const booked = pool.take(pool.book(10, 60));
      pool.minute = 30;
      const { bookingId } = booked;
      const command = { type: 'freeBooking', asked: asked('shadow/b'), bookingId, as } as const;
      expect(pool.try(command)).toMatchObject({
        type: 'Busy',
        details: { workflowId: 'shadow/a' },
      });
      expect(pool.states()).toEqual(['running']);
      expect(pool.free(booked, as, 'shadow/a').state).toBe(as);
    },
  );

  it('is told with its run while it runs or is to come, and not before a run has taken it or after its end', () => {
    const pool = new DrivenPool({ slots: 4 });
    pool.book(10, 60);
    pool.take(pool.book(10, 60), 'shadow/a');
    pool.book(20, 30, { tag: 'fraud', workflowId: 'shadow/b' });
    const freed = pool.book(10, 60, { workflowId: 'shadow/c' });
    pool.free(freed, 'cancelled', 'shadow/c');
    const first = { bookingId: 'gpu-2', tag: 'churn', workflowId: 'shadow/a' };
    const second = { bookingId: 'gpu-3', tag: 'fraud', workflowId: 'shadow/b' };
    expect(takenOf(pool.state, minute(5))).toEqual([first, second]);
    expect(takenOf(pool.state, minute(40))).toEqual([first]);
    expect(takenOf(pool.state, minute(60))).toEqual([]);
  });
});
