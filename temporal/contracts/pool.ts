import { z } from 'zod';
import { Instant, ModelTag, Version } from './scalars.js';
import { Asked } from './tag.js';

export const PoolName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, {
  error: (issue) =>
    `expected 1 to 40 characters of [a-z0-9-] that begin and end with [a-z0-9], got ${JSON.stringify(issue.input)}`,
});
export type PoolName = z.infer<typeof PoolName>;

export const Tier = z.enum(['critical', 'standard', 'experimental']);
export type Tier = z.infer<typeof Tier>;

/** Capacity for shadow windows: at most `slots` at any instant, for tags of the tiers; absent: of every tier. */
export const PoolSpec = z.strictObject({
  name: PoolName,
  slots: z.int().min(1).max(1_000),
  tiers: z.array(Tier).min(1).max(3).optional(),
});
export type PoolSpec = z.infer<typeof PoolSpec>;

export const ApplyPoolCommand = z.strictObject({ asked: Asked, pool: PoolSpec });
export type ApplyPoolCommand = z.infer<typeof ApplyPoolCommand>;

/** Half open: from the instant `from` up to, and without, the instant `until`. */
export const Slot = z.strictObject({ from: Instant, until: Instant });
export type Slot = z.infer<typeof Slot>;

export const BookCommand = z.strictObject({
  asked: Asked,
  tag: ModelTag,
  version: Version,
  tier: Tier,
  slot: Slot,
  /**
   * 'exact': that window or NoSlot with the next free instant. 'next': the earliest window of that length that begins at
   * `slot.from` or later.
   */
  fit: z.enum(['exact', 'next']),
  /** The shadow run that takes it, when there is one already; one booked ahead has none until its run takes it. */
  workflowId: z.string().max(1000).nullable(),
});
export type BookCommand = z.infer<typeof BookCommand>;

/** A run takes the booking made for its tag and version: from then on it is no no-show. */
export const TakeBookingCommand = z.strictObject({
  asked: Asked,
  bookingId: z.string().min(1).max(200),
  tag: ModelTag,
  version: Version,
  workflowId: z.string().max(1000),
});
export type TakeBookingCommand = z.infer<typeof TakeBookingCommand>;

/** Lengthens a booking that was taken, where there is room; NoSlot otherwise. */
export const ExtendBookingCommand = z.strictObject({
  asked: Asked,
  bookingId: z.string().min(1).max(200),
  until: Instant,
});
export type ExtendBookingCommand = z.infer<typeof ExtendBookingCommand>;

/** Frees what is left of a booking: 'done' when its window was used, 'cancelled' when not. Of one that has ended: no effect. */
export const FreeBookingCommand = z.strictObject({
  asked: Asked,
  bookingId: z.string().min(1).max(200),
  as: z.enum(['done', 'cancelled']),
});
export type FreeBookingCommand = z.infer<typeof FreeBookingCommand>;

export const BookingState = z.enum(['booked', 'running', 'done', 'cancelled']);
export type BookingState = z.infer<typeof BookingState>;

export const Booking = z.object({
  bookingId: z.string(),
  tag: ModelTag,
  version: Version,
  from: Instant,
  until: Instant,
  state: BookingState,
  bookedBy: z.string(),
  workflowId: z.string().nullable(),
  /** Why it was cancelled: by whom, or a no-show. */
  reason: z.string().nullable(),
});
export type Booking = z.infer<typeof Booking>;

/** One that runs or is still to come, and whose it is. */
export const TakenBooking = z.object({
  bookingId: z.string(),
  tag: ModelTag,
  workflowId: z.string(),
});
export type TakenBooking = z.infer<typeof TakenBooking>;

export const PoolView = z.object({
  pool: PoolSpec.nullable(),
  /** Bookings that run or are still to come. */
  active: z.int().nonnegative(),
});
export type PoolView = z.infer<typeof PoolView>;
