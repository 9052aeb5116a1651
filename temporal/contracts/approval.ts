import { z } from 'zod';
import { Digest, Instant, ModelId, Version } from './scalars.js';

/** A signature over a statement, and until when the statement was signed to hold. */
export const Signed = z.strictObject({
  /** Base64 of the 64 bytes of an Ed25519 signature. */
  signature: z.string().max(100),
  expiresAt: Instant,
});
export type Signed = z.infer<typeof Signed>;

/** What an approval is of: it counts for this candidate, this rollout and this live model, and for nothing else. */
export const ApprovalSubject = z.strictObject({
  /** Workflow id of the rollout that waits. */
  rollout: z.string().max(1000),
  version: Version,
  digest: Digest,
  from: Version.nullable(),
  /** Ledger number that made `from` live. */
  liveSeq: z.int().nullable(),
});
export type ApprovalSubject = z.infer<typeof ApprovalSubject>;

/** One given approval. */
export const Approval = z.strictObject({
  by: z.string(),
  at: Instant,
  comment: z.string(),
  /** Fingerprint of the key that signed it; null for a claimed name. */
  key: z.string().nullable(),
});
export type Approval = z.infer<typeof Approval>;

/** Who has to approve a candidate, by when, and who has. */
export const ApprovalState = z.strictObject({
  required: z.int().positive(),
  from: z.array(z.string()).nullable(),
  expiresAt: Instant,
  given: z.array(Approval),
});
export type ApprovalState = z.infer<typeof ApprovalState>;

/** The answer of the tag's `approval` query: the candidate in flight and what stands to be approved. */
export const ApprovalView = z.object({
  subject: ApprovalSubject,
  modelId: ModelId,
  requesters: z.array(z.string()),
  approval: ApprovalState,
});
export type ApprovalView = z.infer<typeof ApprovalView>;
