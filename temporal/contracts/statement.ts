import { z } from 'zod';
import { Digest, Instant, ModelTag, Version } from './scalars.js';

/** Not `Reason`: what was signed is never trimmed afterwards. Half a character has no bytes to sign. */
const words = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => text.isWellFormed(), 'expected whole characters, got half a surrogate pair');

/** What a person's key signs. Every field is there, null where it says nothing, so that nothing is left to be filled in later. */
export const Statement = z.strictObject({
  decision: z.enum(['approve', 'reject', 'withdraw', 'promote', 'break-glass']),
  tag: ModelTag,
  /** The live version that would be left. */
  from: Version.nullable(),
  to: Version,
  /** Of the model `to`. */
  digest: Digest,
  /** The ledger number that made `from` live. */
  liveSeq: z.int().positive().nullable(),
  /** The rollout run. */
  workflowId: words(1000),
  /** The name that is claimed; where keys are configured, the key's name counts. */
  actor: words(200),
  /** The comment, or the promote's reason. */
  reason: words(400).nullable(),
  override: words(400).nullable(),
  expiresAt: Instant.nullable(),
});
export type Statement = z.infer<typeof Statement>;

/** An Ed25519 signature: its 64 bytes as base64. */
export const Signature = z.string().regex(/^[A-Za-z0-9+/]{85}[AQgw]==$/, {
  error: (issue) =>
    `expected the 64 bytes of an Ed25519 signature as base64, got ${JSON.stringify(issue.input)}`,
});
export type Signature = z.infer<typeof Signature>;

/** The end of a tag's ledger; `at` is its newest entry's. */
export const LedgerHead = z.strictObject({
  tag: ModelTag,
  seq: z.int().nonnegative(),
  hash: Digest,
  at: Instant,
});
export type LedgerHead = z.infer<typeof LedgerHead>;

/** As an auditor keeps it; null: the platform has no key for it. */
export const SignedLedgerHead = LedgerHead.extend({ signature: Signature.nullable() });
export type SignedLedgerHead = z.infer<typeof SignedLedgerHead>;
