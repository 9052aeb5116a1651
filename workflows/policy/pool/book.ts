import type { BookCommand, Booking, PoolSpec } from '../../../temporal/contracts/pool.js';
import { refuse } from '../tag/state.js';
import { occupies, viewOf } from './booking.js';
import { crowded, earliestFit, meet } from './occupancy.js';
import { mayBook } from './retention.js';
import {
  instantOf,
  invalid,
  specOf,
  unknownPool,
  type Held,
  type PoolOutcome,
  type PoolState,
  type Span,
} from './state.js';
import { windowIssues } from './window.js';

/** A window that begins a moment ago, by a caller's clock, begins now: nobody is given time that has passed. */
export function book(state: PoolState, command: BookCommand, at: number): PoolOutcome<Booking> {
  const spec = specOf(state);
  if (spec === null) return unknownPool(state);
  const asked = windowOf(command, at);
  const refused = objection(state, { spec, command, asked, at });
  if (refused) return refused;

  const from = Math.max(asked.from, at);
  const full = fullOf(state, spec, at);
  const next = earliestFit(full, from, asked.until - asked.from);
  if (command.fit === 'next') return booked(state, command, { ...next, at });
  const exact = { from, until: asked.until };
  if (full.some((span) => meet(span, exact))) return noSlot(state, exact, next.from);
  return booked(state, command, { ...exact, at });
}

/** A run asked in time, and may have been on its way here while everything was away: for it, what has passed has not begun. */
function windowOf({ slot, fit, workflowId }: BookCommand, at: number): Span {
  const given = { from: Date.parse(slot.from), until: Date.parse(slot.until) };
  if (workflowId === null) return given;
  const from = Math.max(given.from, at);
  return { from, until: fit === 'next' ? from + given.until - given.from : given.until };
}

/** Where the pool is full; without one of its bookings when that one is to be moved. */
export function fullOf(state: PoolState, { slots }: PoolSpec, at: number, without?: Held): Span[] {
  const others = state.bookings.filter((held) => held !== without && occupies(held, at));
  return crowded(others, slots);
}

export function noSlot(
  { name }: PoolState,
  { from, until }: Span,
  nextFree: number,
): ReturnType<typeof refuse> {
  const window = `between ${instantOf(from)} and ${instantOf(until)}`;
  return refuse('NoSlot', `${name} is full ${window}; next free at ${instantOf(nextFree)}`, {
    nextFree: instantOf(nextFree),
  });
}

function objection(
  state: PoolState,
  of: { spec: PoolSpec; command: BookCommand; asked: Span; at: number },
): ReturnType<typeof refuse> | null {
  const { name, tiers } = of.spec;
  const { tier } = of.command;
  if (tiers && !tiers.includes(tier)) {
    const message = `'${name}' admits ${tiers.join(', ')}, and ${of.command.tag} is ${tier}`;
    return invalid({ path: 'pool', message });
  }
  const issues = windowIssues(of.asked, of.at);
  if (issues.length > 0) return invalid(...issues);
  if (mayBook(state.bookings, of.at)) return null;
  const message = `'${name}' holds as many bookings as it can; cancel some of those to come`;
  return invalid({ path: 'pool', message });
}

function booked(
  state: PoolState,
  { asked, tag, version, workflowId }: BookCommand,
  { from, until, at }: Span & { at: number },
): PoolOutcome<Booking> {
  const number = state.booked + 1;
  const held = {
    ...{ number, tag, version, from, until, workflowId },
    bookedBy: asked.actor,
    ended: null,
  };
  return {
    state: { ...state, booked: number, bookings: [...state.bookings, held] },
    result: viewOf(state.name, held, at),
  };
}
