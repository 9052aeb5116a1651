import { z } from 'zod';
import { Digest, Instant, ModelTag } from './scalars.js';
import { Asked } from './tag.js';

/** Stops the promotions of every tag, until an instant or until they are let go. */
export const FreezeAllCommand = z.strictObject({ asked: Asked, until: Instant.optional() });
export type FreezeAllCommand = z.infer<typeof FreezeAllCommand>;

export const UnfreezeAllCommand = z.strictObject({ asked: Asked });
export type UnfreezeAllCommand = z.infer<typeof UnfreezeAllCommand>;

/** From a tag that was defined: list it, and say whether the platform is frozen. */
export const RegisterCommand = z.strictObject({
  asked: Asked,
  tag: ModelTag,
  /** The owning team. */
  owner: z.string(),
});
export type RegisterCommand = z.infer<typeof RegisterCommand>;

const Frozen = z
  .object({ by: z.string(), reason: z.string(), until: Instant.nullable() })
  .nullable();

export const Registration = z.object({ frozen: Frozen });
export type Registration = z.infer<typeof Registration>;

export const RegisteredTag = z.object({ tag: ModelTag, owner: z.string() });
export type RegisteredTag = z.infer<typeof RegisteredTag>;

/** The answer of the query `platformStatus`. */
export const PlatformView = z.object({
  /** How many tags are registered. */
  tags: z.int(),
  frozen: Frozen,
  /** Tags that have not acknowledged the newest freeze, or its end, yet. */
  pending: z.array(ModelTag),
  /** Of the platform's own ledger. */
  seq: z.int(),
  head: Digest,
  journal: z.object({ pending: z.int(), parked: z.string().nullable() }),
});
export type PlatformView = z.infer<typeof PlatformView>;
