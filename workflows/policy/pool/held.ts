import type {
  Booking,
  ExtendBookingCommand,
  FreeBookingCommand,
  TakeBookingCommand,
} from '../../../temporal/contracts/pool.js';
import { refuse } from '../tag/state.js';
import { fullOf, noSlot } from './book.js';
import { isActive, stateAt, viewOf } from './booking.js';
import { earliestFit, meet } from './occupancy.js';
import { mayTake } from './retention.js';
import {
  idOf,
  invalid,
  specOf,
  unknownPool,
  type Held,
  type PoolOutcome,
  type PoolState,
} from './state.js';
import { endIssues } from './window.js';

export function takeBooking(
  state: PoolState,
  { bookingId, tag, version, workflowId }: Omit<TakeBookingCommand, 'asked'>,
  at: number,
): PoolOutcome<Booking> {
  const held = find(state, bookingId);
  if (!held) return unknownBooking(state, bookingId);
  if (held.tag !== tag || held.version !== version)
    return wrong(`is of ${held.tag}/${String(held.version)}, not of ${tag}/${String(version)}`);
  if (!isActive(held, at)) return over(state, held, at);
  if (held.workflowId !== null && held.workflowId !== workflowId) return taken(held, bookingId);
  if (!mayTake(state.bookings, at))
    return refuse('Overloaded', `${state.name} holds as many bookings as it can`);
  return changed(state, held, { ...held, workflowId, at });
}

/** Also of a booking whose end has passed and that nobody freed: its run comes to know only then that it needs longer. */
export function extendBooking(
  state: PoolState,
  command: ExtendBookingCommand,
  at: number,
): PoolOutcome<Booking> {
  const spec = specOf(state);
  if (spec === null) return unknownPool(state);
  const held = find(state, command.bookingId);
  if (!held) return unknownBooking(state, command.bookingId);
  if (held.workflowId === null && isActive(held, at))
    return wrong('was not taken by a run yet: book another window instead');
  if (held.workflowId === null || held.ended) return over(state, held, at);
  if (held.workflowId !== command.asked.workflowId) return taken(held, command.bookingId);

  const until = Date.parse(command.until);
  if (until === held.until) return changed(state, held, { ...held, at });
  const issues = endIssues({ from: held.from, until }, at);
  if (issues.length > 0) return invalid(...issues);
  if (until < held.until)
    return invalid({
      path: 'until',
      message: 'expected an end that is not before the present one',
    });
  const added = { from: held.until, until };
  const full = fullOf(state, spec, at, held);
  if (!full.some((span) => meet(span, added))) return changed(state, held, { ...held, until, at });
  const next = earliestFit(full, Math.max(added.from, at), until - added.from);
  return noSlot(state, added, next.from);
}

/** What is left of it is free for others; only the run that took it frees it. Of one that has ended: no effect. */
export function freeBooking(
  state: PoolState,
  { asked, bookingId, as }: FreeBookingCommand,
  at: number,
): PoolOutcome<Booking> {
  const held = find(state, bookingId);
  if (!held) return unknownBooking(state, bookingId);
  if (!isActive(held, at)) return { state, result: viewOf(state.name, held, at) };
  if (held.workflowId !== null && held.workflowId !== asked.workflowId)
    return taken(held, bookingId);
  const used = as === 'done' && stateAt(held, at) === 'running' && at > held.from;
  const reason = `cancelled by ${asked.actor}: ${asked.reason}`;
  const next: Held = used
    ? { ...held, until: at, ended: { as: 'done', at, reason: null } }
    : { ...held, ended: { as: 'cancelled', at, reason } };
  return changed(state, held, { ...next, at });
}

function changed(
  state: PoolState,
  held: Held,
  { at, ...next }: Held & { at: number },
): PoolOutcome<Booking> {
  const bookings = state.bookings.map((booking) => (booking === held ? next : booking));
  return { state: { ...state, bookings }, result: viewOf(state.name, next, at) };
}

const find = ({ name, bookings }: PoolState, id: string): Held | undefined =>
  bookings.find((booking) => idOf(name, booking) === id);

const wrong = (message: string): ReturnType<typeof refuse> =>
  invalid({ path: 'bookingId', message });

const taken = ({ workflowId }: Held, id: string): ReturnType<typeof refuse> =>
  refuse('Busy', `${id} was taken by ${workflowId ?? 'a run'}, and is that run's to use`, {
    workflowId,
  });

const unknownBooking = ({ name }: PoolState, id: string): ReturnType<typeof refuse> =>
  wrong(`expected a booking of the pool '${name}', got '${id}'`);

function over({ name }: PoolState, held: Held, at: number): ReturnType<typeof refuse> {
  const { state, until, reason } = viewOf(name, held, at);
  return wrong(reason ?? `is ${state} since ${until}`);
}
