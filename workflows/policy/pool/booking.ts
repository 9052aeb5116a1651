import type { Booking, BookingState } from '../../../temporal/contracts/pool.js';
import { idOf, instantOf, type Held } from './state.js';

/** A booking that no run has taken so long after its beginning is for others to book. */
const NO_SHOW_MS = 10 * 60_000;

/** What a booking is at an instant. No timer ends one: whoever asks, asks at an instant. */
export function stateAt(booking: Held, at: number): BookingState {
  if (booking.ended) return booking.ended.as;
  if (isNoShow(booking, at)) return 'cancelled';
  if (at >= booking.until) return 'done';
  return booking.workflowId !== null && at >= booking.from ? 'running' : 'booked';
}

export const isActive = (booking: Held, at: number): boolean =>
  ['booked', 'running'].includes(stateAt(booking, at));

/** Whether its window is, or was, its own; one that was used counts, so that no other is put beside it afterwards. */
export const occupies = (booking: Held, at: number): boolean =>
  stateAt(booking, at) !== 'cancelled';

/** When it ended, for one that has. */
export function endOf(booking: Held, at: number): number {
  if (booking.ended) return booking.ended.at;
  return isNoShow(booking, at) ? noShowOf(booking) : booking.until;
}

/** As callers see it. */
export function viewOf(pool: string, booking: Held, at: number): Booking {
  const { tag, version, from, until, bookedBy, workflowId, ended } = booking;
  const missed = `no-show: no run took it by ${instantOf(noShowOf(booking))}`;
  return {
    bookingId: idOf(pool, booking),
    ...{ tag, version, bookedBy, workflowId },
    from: instantOf(from),
    until: instantOf(until),
    state: stateAt(booking, at),
    reason: isNoShow(booking, at) ? missed : (ended?.reason ?? null),
  };
}

const noShowOf = ({ from, until }: Held): number => Math.min(from + NO_SHOW_MS, until);

const isNoShow = (booking: Held, at: number): boolean =>
  booking.ended === null && booking.workflowId === null && at >= noShowOf(booking);
