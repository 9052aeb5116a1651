import { setHandler } from '@temporalio/workflow';
import * as messages from '../../temporal/messages.js';
import { takeBooking } from '../policy/pool/held.js';
import { calendarOf, poolViewOf, takenOf } from '../policy/pool/view.js';
import { now } from '../tag/entity.js';
import type { Pool } from './entity.js';

export function answerQueries(pool: Pool): void {
  setHandler(messages.poolStatus, ({ at }) => poolViewOf(pool.state, later(at, now())));
  setHandler(messages.takenBookings, ({ at }) => takenOf(pool.state, later(at, now())));
  setHandler(
    messages.bookingObjection,
    ({ at, ...wanted }) =>
      takeBooking(pool.state, wanted, Date.parse(later(at, now()))).refused ?? null,
  );
  setHandler(messages.calendar, ({ at, limit, ...range }) =>
    calendarOf(pool.state, range, later(at, now())).slice(0, limit),
  );
}

/** Whoever asks may have a clock that is behind; what has been done by the pool's own has been done. */
const later = (asked: string, known: string): string =>
  Date.parse(asked) > Date.parse(known) ? asked : known;
