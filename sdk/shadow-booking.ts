import type { Tier } from '../temporal/contracts/pool.js';
import * as messages from '../temporal/messages.js';
import type { ShadowTerms } from '../temporal/shadow-terms.js';
import { askedOf, calendarOf, commandPool } from './pool-entity.js';
import type { Session } from './session.js';

interface Wanted {
  tag: string;
  version: number;
  tier: Tier;
  terms: ShadowTerms;
}

/**
 * A booking of the version that has the window in it and that no run took; else a new one, which is freed again when the run
 * that it is for does not come. NoSlotError: there is neither.
 */
export async function bookingFor(session: Session, wanted: Wanted): Promise<string> {
  const { tag, version, tier, terms } = wanted;
  const slot = { from: terms.from, until: terms.until };
  const known = await calendarOf(session, terms.pool, slot);
  const ahead = known.find(
    (booking) =>
      booking.tag === tag &&
      booking.version === version &&
      booking.state === 'booked' &&
      booking.workflowId === null &&
      booking.from <= slot.from &&
      booking.until >= slot.until,
  );
  if (ahead) return ahead.bookingId;
  const request = { method: 'book', fields: { tag, version, ...slot }, reason: 'window booked' };
  const asked = askedOf(session, terms.pool, request);
  const value = { asked, tag, version, tier, slot, fit: 'exact' as const, workflowId: null };
  const { bookingId } = await commandPool(session, terms.pool, {
    definition: messages.book,
    value,
  });
  return bookingId;
}
