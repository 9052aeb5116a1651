import { z } from 'zod';
import { PoolName, PoolSpec, type Booking } from '../temporal/contracts/pool.js';
import { modelId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { WORKFLOWS } from '../temporal/names.js';
import { BookingArguments, CalendarArguments } from './arguments.js';
import { BusyError, QuarantinedError } from './errors.js';
import { invalidRequest, parseArguments } from './issues.js';
import { askedOf, calendarOf, commandPool, poolStatus } from './pool-entity.js';
import { read } from './reads.js';
import { isOpen } from './run-status.js';
import { describeRun } from './run-watch.js';
import { fromService } from './service-errors.js';
import type { Session } from './session.js';
import { definitionInForce, queryTag } from './tag-entity.js';
import type { ModelDefinition, ModelTag } from './types.js';

export interface ShadowPool {
  name: string;
  /** At most so many shadow windows at any instant. */
  slots: number;
  /** Whose tags may book; absent: those of every tier. */
  tiers?: NonNullable<ModelDefinition['tier']>[];
}
export interface ShadowPoolStatus extends ShadowPool {
  /** Bookings that run or are still to come. */
  active: number;
}
export interface ShadowBooking {
  bookingId: string;
  tag: ModelTag;
  version: number;
  from: Date;
  until: Date;
  state: Booking['state'];
  bookedBy: string;
  /** The shadow run that took it. */
  workflowId: string | null;
  /** Why it was cancelled. */
  reason: string | null;
}
interface Window {
  from: Date;
  until: Date;
}

/** Capacity for shadow windows, booked ahead. The pool 'default' is there without being applied: one slot, every tier. */
export class ShadowPools {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }

  /** Creates or changes a pool. Fewer slots than are booked at some instant to come are refused, and the instants are named. */
  async apply(given: ShadowPool): Promise<void> {
    const { pool } = parseArguments('shadowPools.apply', { pool: PoolSpec }, { pool: given });
    const request = { method: 'applyPool', fields: { ...pool }, reason: 'pool applied' };
    const asked = askedOf(this.#session, pool.name, request);
    await commandPool(this.#session, pool.name, {
      definition: messages.applyPool,
      value: { asked, pool },
    });
  }

  /** From Temporal's visibility, which lags by moments. */
  async *list(): AsyncGenerator<ShadowPoolStatus> {
    for await (const name of this.#names()) {
      const status = await poolStatus(this.#session, name);
      if (status?.pool) yield toPool(status.pool, status.active);
    }
  }

  /**
   * Books a window of at most 30 days, which a shadow run of the version has to take within ten minutes of its beginning.
   * Refused with NoSlotError when the pool is full in that window: it carries the next instant from which one as long is free.
   */
  async book(
    pool: string,
    booking: { tag: ModelTag; version: number } & Window,
  ): Promise<{ bookingId: string }> {
    const given = parseArguments(
      'shadowPools.book',
      { pool: PoolName, booking: BookingArguments },
      { pool, booking },
    );
    const { tag, version, from, until } = given.booking;
    const slot = { from: from.toISOString(), until: until.toISOString() };
    const { definition } = await definitionInForce(this.#session, tag);
    await Promise.all([
      read(this.#session, { what: 'model', tag, version, verify: false }),
      this.#refuseQuarantined(tag, version),
    ]);
    const request = { method: 'book', fields: { tag, version, ...slot }, reason: 'window booked' };
    const value = {
      ...{ asked: askedOf(this.#session, given.pool, request), tag, version, slot },
      ...{ tier: definition.tier ?? 'standard', fit: 'exact' as const, workflowId: null },
    };
    const { bookingId } = await commandPool(this.#session, given.pool, {
      definition: messages.book,
      value,
    });
    return { bookingId };
  }

  /** Frees what is left of a booking; of one that has ended, nothing is. BusyError names the run that uses it. */
  async cancel(pool: string, bookingId: string): Promise<void> {
    const given = parseArguments(
      'shadowPools.cancel',
      { pool: PoolName, bookingId: z.string().min(1).max(200) },
      { pool, bookingId },
    );
    try {
      await this.#free(given);
    } catch (error) {
      if (!(error instanceof BusyError) || (await this.#isOpen(error.workflowId))) throw error;
      // The run that took it is gone, and nobody else will ever free it.
      await this.#free(given, error.workflowId);
    }
  }

  /** Bookings that touch the range, earliest first: those to come, and the newest of the last 30 days. */
  async calendar(pool: string, range: Window): Promise<ShadowBooking[]> {
    const given = parseArguments(
      'shadowPools.calendar',
      { pool: PoolName, range: CalendarArguments },
      { pool, range },
    );
    const { from, until } = given.range;
    const slot = { from: from.toISOString(), until: until.toISOString() };
    const bookings = await calendarOf(this.#session, given.pool, slot);
    if (bookings.length === 0) await this.#refuseUnknown(given.pool);
    return bookings.map(toBooking);
  }

  async #free(of: { pool: string; bookingId: string }, run?: string): Promise<void> {
    const { pool, bookingId } = of;
    const request = { method: 'freeBooking', fields: { bookingId }, reason: 'booking cancelled' };
    const asked = askedOf(this.#session, pool, request);
    await commandPool(this.#session, pool, {
      definition: messages.freeBooking,
      value: {
        asked: run === undefined ? asked : { ...asked, workflowId: run },
        bookingId,
        as: 'cancelled',
      },
    });
  }

  async #isOpen(workflowId: string): Promise<boolean> {
    return isOpen(await describeRun(this.#session, workflowId));
  }

  async #refuseQuarantined(tag: string, version: number): Promise<void> {
    const view = await queryTag(this.#session, tag, { definition: messages.tagStatus, args: [] });
    if (!view.quarantined.includes(version)) return;
    const id = modelId(tag, version);
    throw new QuarantinedError(`${id} is quarantined; release it, or book for another`, id);
  }

  async #refuseUnknown(name: string): Promise<void> {
    if (name === 'default' || (await poolStatus(this.#session, name))?.pool) return;
    const message = `expected a pool that was applied, got '${name}'`;
    throw invalidRequest('shadowPools.calendar', [{ path: 'pool', message }]);
  }

  async *#names(): AsyncGenerator<string> {
    const query = `WorkflowType = '${WORKFLOWS.pool}' AND ExecutionStatus = 'Running'`;
    try {
      for await (const { workflowId } of this.#session.client.workflow.list({ query }))
        yield workflowId.slice('pool/'.length);
    } catch (error) {
      throw fromService(this.#session, error);
    }
  }
}

function toPool({ name, slots, tiers }: PoolSpec, active: number): ShadowPoolStatus {
  return { name, slots, ...(tiers && { tiers }), active };
}

const toBooking = (booking: Booking): ShadowBooking => ({
  ...booking,
  from: new Date(booking.from),
  until: new Date(booking.until),
});
