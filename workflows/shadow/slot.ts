import { CancellationScope, isCancellation, log, sleep } from '@temporalio/workflow';
import type { Booking } from '../../temporal/contracts/pool.js';
import { slots } from '../proxies.js';
import { after } from '../../temporal/duration.js';
import type { Stages } from '../stages.js';
import type { Prepared } from './prepared.js';

/** A run's place in its pool. */
export class Slot {
  private readonly of: Prepared;
  private booking: Booking | null = null;

  constructor(of: Prepared) {
    this.of = of;
  }

  /** Books a window, or takes the one that was booked ahead, and waits until it begins. */
  async awaited(stages: Stages): Promise<{ from: string; until: string }> {
    const { terms, request } = this.of;
    // Waited for also by a run that is cancelled: what was booked must be freed.
    const booking = await CancellationScope.nonCancellable(() => this.taken());
    const { from } = booking;
    const named = request.from !== undefined || request.until !== undefined;
    const until = named && terms.until < booking.until ? terms.until : booking.until;
    const begins = named && terms.from > from ? terms.from : from;
    const leftMs = Date.parse(begins) - Date.now();
    if (leftMs > 0) {
      stages.wait('slot', { what: 'slot', until: begins });
      await sleep(leftMs, { summary: 'until the slot begins' });
      stages.resume('slot');
    }
    stages.detail('slot', `${booking.bookingId} in ${terms.pool}`);
    return { from: begins, until };
  }

  private async taken(): Promise<Booking> {
    const { request, asking, terms, admission } = this.of;
    const { tag, version, bookingId } = request;
    const who = { tag, version, workflowId: asking.workflowId };
    this.booking =
      bookingId === undefined
        ? await slots.bookSlot(terms.pool, {
            ...who,
            asked: asking.asked('book'),
            tier: admission.definition.tier ?? 'standard',
            slot: { from: terms.from, until: terms.until },
            fit: request.whenFull === 'wait' ? 'next' : 'exact',
          })
        : await slots.takeBooking(terms.pool, {
            ...who,
            asked: asking.asked('take'),
            bookingId,
          });
    return this.booking;
  }

  /** The time that the host took to be ready is added to a window that was asked for by its length, where there is room. */
  async fromNow(window: { from: string; until: string }): Promise<{ from: string; until: string }> {
    const lateMs = Date.now() - Date.parse(window.from);
    if (this.of.request.fromReady !== true || lateMs <= 0) return window;
    const until = after(window.until, lateMs);
    try {
      await this.lengthen(until);
      return { from: new Date().toISOString(), until };
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.info('the window begins late and is not lengthened', { said: String(error) });
      return window;
    }
  }

  /** Room until then, or the pool's refusal. */
  async lengthen(until: string): Promise<void> {
    const { booking, of } = this;
    if (booking === null || until <= booking.until) return;
    const asked = of.asking.asked('lengthen');
    const { bookingId } = booking;
    this.booking = await slots.extendBooking(of.terms.pool, { asked, bookingId, until });
  }

  async free(as: 'done' | 'cancelled'): Promise<void> {
    const { booking, of } = this;
    if (booking === null) return;
    const asked = of.asking.asked('free');
    await slots.freeBooking(of.terms.pool, { asked, bookingId: booking.bookingId, as });
    this.booking = null;
  }
}
