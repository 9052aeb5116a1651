import { z } from 'zod';
import { EVERY_TAG } from '../ids.js';
import { Digest, Instant, ModelId, ModelTag } from './scalars.js';

export const LedgerAction = z.enum([
  'define',
  'rollout-start',
  'shift',
  'promote',
  'demote',
  'rollback',
  'abort',
  'shadow-start',
  'shadow-end',
  'freeze',
  'unfreeze',
  'quarantine',
  'release',
  'repair',
  'retire',
]);
export type LedgerAction = z.infer<typeof LedgerAction>;

/** Whose ledger it is: a tag's, or '*', the platform's own. */
export const LedgerOwner = z.union([ModelTag, z.literal(EVERY_TAG)]);

/** One settled change, as it is hashed and journalled. `at` is workflow time, UTC. */
export const LedgerEntry = z.object({
  tag: LedgerOwner,
  seq: z.int().positive(),
  action: LedgerAction,
  from: ModelId.nullable(),
  to: ModelId.nullable(),
  actor: z.string(),
  reason: z.string(),
  at: Instant,
  workflowId: z.string(),
  evidence: z.array(z.string()),
  digest: Digest.nullable(),
  outcome: z.enum(['applied', 'superseded', 'failed']),
  fence: z.int().nullable(),
  previousHash: Digest,
  hash: Digest,
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;
