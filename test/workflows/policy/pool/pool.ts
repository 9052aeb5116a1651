import { expect } from 'vitest';
import type { Booking, PoolSpec } from '../../../../temporal/contracts/pool.js';
import { emptyPool, type PoolState } from '../../../../workflows/policy/pool/state.js';
import { transition, type PoolCommand } from '../../../../workflows/policy/pool/transition.js';
import { calendarOf } from '../../../../workflows/policy/pool/view.js';
import type { Refusal } from '../../../../workflows/policy/tag/state.js';
import { asked } from '../tag/tags.js';

export const START = Date.UTC(2026, 0, 1);
/** An instant, in minutes after the beginning. */
export const minute = (count: number): string => new Date(START + count * 60_000).toISOString();

interface Wanted {
  fit?: 'exact' | 'next';
  tier?: 'critical' | 'standard' | 'experimental';
  tag?: string;
  workflowId?: string;
}

/** A pool driven by commands, at the minute it is set to. */
export class DrivenPool {
  state: PoolState;
  minute = 0;

  constructor(spec: Partial<PoolSpec> = {}) {
    const pool = { name: 'gpu', slots: 1, ...spec };
    this.state = emptyPool(pool.name);
    this.do({ type: 'applyPool', asked: asked(), pool });
  }

  get at(): string {
    return minute(this.minute);
  }

  try(command: PoolCommand): Refusal | null {
    const outcome = transition(this.state, command, this.at);
    if (outcome.refused) return outcome.refused;
    this.state = outcome.state;
    return null;
  }

  do(command: PoolCommand): PoolSpec | Booking {
    const outcome = transition(this.state, command, this.at);
    expect(outcome.refused).toBeUndefined();
    if (outcome.refused) throw new Error(outcome.refused.message);
    this.state = outcome.state;
    return outcome.result;
  }

  /** Minutes after the beginning. */
  book(from: number, until: number, wanted: Wanted = {}): Booking {
    return this.do(booking(from, until, wanted)) as Booking;
  }

  take({ bookingId, tag, version }: Booking, workflowId = 'shadow/a'): Booking {
    const command = { asked: asked(workflowId), bookingId, tag, version, workflowId };
    return this.do({ type: 'takeBooking', ...command }) as Booking;
  }

  extend({ bookingId }: Booking, until: number, workflowId = 'shadow/a'): Booking {
    const command = { asked: asked(workflowId), bookingId, until: minute(until) };
    return this.do({ type: 'extendBooking', ...command }) as Booking;
  }

  free({ bookingId }: Booking, as: 'done' | 'cancelled', workflowId?: string): Booking {
    return this.do({ type: 'freeBooking', asked: asked(workflowId), bookingId, as }) as Booking;
  }

  calendar(from = 0, until = 1_000_000): Booking[] {
    return calendarOf(this.state, { from: minute(from), until: minute(until) }, this.at);
  }

  states(): string[] {
    return this.calendar().map(({ state }) => state);
  }
}

export function booking(
  from: number,
  until: number,
  { fit = 'exact', tier = 'standard', tag = 'churn', workflowId }: Wanted = {},
): Extract<PoolCommand, { type: 'book' }> {
  const slot = { from: minute(from), until: minute(until) };
  const run = workflowId ?? null;
  return { type: 'book', asked: asked(), tag, version: 3, tier, slot, fit, workflowId: run };
}
