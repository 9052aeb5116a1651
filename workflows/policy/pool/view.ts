import type { Booking, PoolView, Slot, TakenBooking } from '../../../temporal/contracts/pool.js';
import { isActive, viewOf } from './booking.js';
import { meet } from './occupancy.js';
import { idOf, specOf, type Held, type PoolState } from './state.js';

export const poolViewOf = (state: PoolState, at: string): PoolView => ({
  pool: specOf(state),
  active: comingOf(state, at).length,
});

/** Bookings that run or are still to come, earliest first. */
export function comingOf({ name, bookings }: PoolState, at: string): Booking[] {
  const now = Date.parse(at);
  return bookings
    .filter((booking) => isActive(booking, now))
    .sort(byBeginning)
    .map((booking) => viewOf(name, booking, now));
}

/** Bookings that a run has taken and that are not over. */
export function takenOf({ name, bookings }: PoolState, at: string): TakenBooking[] {
  return bookings.flatMap((held) => {
    const { tag, workflowId } = held;
    if (workflowId === null || !isActive(held, Date.parse(at))) return [];
    return [{ bookingId: idOf(name, held), tag, workflowId }];
  });
}

/** Bookings that touch the range, earliest first. */
export function calendarOf({ name, bookings }: PoolState, range: Slot, at: string): Booking[] {
  const asked = { from: Date.parse(range.from), until: Date.parse(range.until) };
  return bookings
    .filter((booking) => meet(booking, asked))
    .sort(byBeginning)
    .map((booking) => viewOf(name, booking, Date.parse(at)));
}

const byBeginning = (a: Held, b: Held): number => a.from - b.from || a.number - b.number;
