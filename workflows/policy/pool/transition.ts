import type {
  ApplyPoolCommand,
  BookCommand,
  Booking,
  ExtendBookingCommand,
  FreeBookingCommand,
  PoolSpec,
  TakeBookingCommand,
} from '../../../temporal/contracts/pool.js';
import { applyPool } from './apply.js';
import { book } from './book.js';
import { extendBooking, freeBooking, takeBooking } from './held.js';
import { kept } from './retention.js';
import type { PoolOutcome, PoolState } from './state.js';

/** Everything that can be asked of a slot pool. */
export type PoolCommand =
  | ({ type: 'applyPool' } & ApplyPoolCommand)
  | ({ type: 'book' } & BookCommand)
  | ({ type: 'takeBooking' } & TakeBookingCommand)
  | ({ type: 'extendBooking' } & ExtendBookingCommand)
  | ({ type: 'freeBooking' } & FreeBookingCommand);

/** What a command does, or why it is refused. Pure and total, like a tag's. */
export function transition(
  state: PoolState,
  command: PoolCommand,
  at: string,
): PoolOutcome<PoolSpec | Booking> {
  const ms = Date.parse(at);
  const outcome = decide(state, command, ms);
  if (outcome.refused) return outcome;
  const bookings = kept(outcome.state.bookings, ms);
  return { state: { ...outcome.state, bookings }, result: outcome.result };
}

function decide(
  state: PoolState,
  command: PoolCommand,
  at: number,
): PoolOutcome<PoolSpec | Booking> {
  switch (command.type) {
    case 'applyPool':
      return applyPool(state, command, at);
    case 'book':
      return book(state, command, at);
    case 'takeBooking':
      return takeBooking(state, command, at);
    case 'extendBooking':
      return extendBooking(state, command, at);
    case 'freeBooking':
      return freeBooking(state, command, at);
  }
}
