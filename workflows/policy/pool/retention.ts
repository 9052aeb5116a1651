import { endOf, isActive } from './booking.js';
import type { Held } from './state.js';

const KEPT_MS = 30 * 24 * 3_600_000;
const KEPT_ENDED = 1_000;
const MOST_ACTIVE = 10_000;

// Continue-as-new carries 2 MiB: these, the ended ones and the answers that are kept together leave a tenth of it free.
const ROOM_TO_BOOK = 800_000;
const ROOM_TO_TAKE = 1_000_000;
const ROOM_OF_ENDED = 150_000;

/** Characters of a packed booking besides what people and runs are called. */
const BARE = 60;

/** Active bookings, and those that ended lately, for the calendar. */
export function kept(bookings: readonly Held[], at: number): Held[] {
  const ended = bookings
    .filter((booking) => !isActive(booking, at) && endOf(booking, at) > at - KEPT_MS)
    .sort((a, b) => endOf(b, at) - endOf(a, at))
    .slice(0, KEPT_ENDED);
  let size = 0;
  const remembered = new Set(ended.filter((booking) => (size += sizeOf(booking)) <= ROOM_OF_ENDED));
  return bookings.filter((booking) => isActive(booking, at) || remembered.has(booking));
}

/** Whether a pool that holds these bookings may take one more. */
export function mayBook(bookings: readonly Held[], at: number): boolean {
  const active = bookings.filter((booking) => isActive(booking, at));
  return active.length < MOST_ACTIVE && totalOf(active) < ROOM_TO_BOOK;
}

/** Whether there is room for the name of the run that takes one. */
export function mayTake(bookings: readonly Held[], at: number): boolean {
  return totalOf(bookings.filter((booking) => isActive(booking, at))) < ROOM_TO_TAKE;
}

const totalOf = (bookings: readonly Held[]): number =>
  bookings.reduce((sum, booking) => sum + sizeOf(booking), 0);

const sizeOf = ({ tag, bookedBy, workflowId, ended }: Held): number =>
  BARE + tag.length + bookedBy.length + (workflowId?.length ?? 0) + (ended?.reason?.length ?? 0);
