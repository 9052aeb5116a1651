import { z } from 'zod';
import { ModelDefinition } from './definition.js';
import { LedgerEntry } from './ledger.js';
import { ModelRecord } from './model.js';
import { HostSpec } from './route.js';
import { Digest, Instant, ModelId, ModelTag, Reason, Version } from './scalars.js';

/** Who asks and why; `key` names the request for de-duplication, `hash` is that of the request as given. */
export const Asked = z.strictObject({
  actor: z.string().min(1).max(200),
  reason: Reason,
  workflowId: z.string().max(1000),
  key: z.string().min(1).max(1200),
  hash: z.string(),
});
export type Asked = z.infer<typeof Asked>;

export const DefineCommand = z.strictObject({
  asked: Asked,
  definition: ModelDefinition,
  digest: Digest,
  codeUri: z.string().max(2000),
  codeRevision: z.string().max(200),
  /** The digest of the definition this one was made from; another one in force: DefinitionChanged. Absent: whatever is in force. */
  expected: Digest.optional(),
});
export type DefineCommand = z.infer<typeof DefineCommand>;

/** A caller's idempotency key and the hash of the request it came with. */
export const Requested = z.strictObject({ key: z.string().min(1).max(1200), hash: z.string() });
export type Requested = z.infer<typeof Requested>;

export const BeginRolloutCommand = z.strictObject({
  asked: Asked,
  model: ModelRecord,
  /** The live version the candidate was judged against; absent: whatever is live. */
  expectedLive: Version.nullable().optional(),
  /** A person's promote: its key belongs to this request, whatever version the run's id names. */
  requested: Requested.optional(),
  /** `judgingDigest` of the definition it was judged under; absent: judged by nobody, so nothing to compare. */
  judgedUnder: Digest.optional(),
  /** How the candidate earned its place: a passed gate's registry run, or a named override. */
  warrant: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('gate'), registryRunId: z.string() }),
    z.strictObject({ kind: z.literal('override'), why: Reason }),
  ]),
  ticket: z.int().optional(),
});
export type BeginRolloutCommand = z.infer<typeof BeginRolloutCommand>;

export const LeaseCommand = z.strictObject({
  asked: Asked,
  lease: z.string(),
  step: z.int().nonnegative(),
});
export type LeaseCommand = z.infer<typeof LeaseCommand>;

/** From a run that lost its lease: the host it was granted, which it may have made again since. */
export const ReleaseHostCommand = z.strictObject({ asked: Asked, host: HostSpec });
export type ReleaseHostCommand = z.infer<typeof ReleaseHostCommand>;

export const RollbackCommand = z.strictObject({
  asked: Asked,
  from: Version.optional(),
  to: z.union([z.literal('previous'), Version, z.strictObject({ at: Instant })]).optional(),
});
export type RollbackCommand = z.infer<typeof RollbackCommand>;

export const DemoteCommand = z.strictObject({
  asked: Asked,
  to: z.enum(['previous', 'none']).optional(),
});
export type DemoteCommand = z.infer<typeof DemoteCommand>;

export const QuarantineCommand = z.strictObject({ asked: Asked, version: Version });
export type QuarantineCommand = z.infer<typeof QuarantineCommand>;

/** `granted`: the lease and the host to warm. `queued`: the entity signals `turn` when the ticket's time comes. */
export const RolloutGrant = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('granted'),
    lease: z.string(),
    deadline: Instant,
    /** The host to warm before the commit. */
    host: HostSpec,
    incumbent: Version.nullable(),
  }),
  z.object({ state: z.literal('queued'), ticket: z.int(), holder: z.string() }),
]);
export type RolloutGrant = z.infer<typeof RolloutGrant>;

export const ApplyOutcome = z.object({
  digest: Digest,
  changed: z.boolean(),
});
export type ApplyOutcome = z.infer<typeof ApplyOutcome>;

/** The answer of the tag's `status` query. */
export const TagView = z.object({
  tag: ModelTag,
  owner: z.string(),
  live: ModelId.nullable(),
  liveSince: Instant.nullable(),
  previous: ModelId.nullable(),
  previousWarm: z.boolean(),
  rollout: z
    .object({ modelId: ModelId, weightPercent: z.number(), workflowId: z.string() })
    .nullable(),
  shadow: z.object({ modelId: ModelId, until: Instant, workflowId: z.string() }).nullable(),
  frozen: z.object({ by: z.string(), reason: z.string(), until: Instant.nullable() }).nullable(),
  quarantined: z.array(z.int()),
  seq: z.int(),
  fence: z.int(),
  head: Digest,
  registry: z.object({ inSync: z.boolean(), pending: z.int(), parked: z.string().nullable() }),
  serving: z.object({ inSync: z.boolean(), observedFence: z.int() }),
  lastRun: z
    .object({
      workflowId: z.string(),
      decision: z.string().nullable(),
      finishedAt: Instant.nullable(),
    })
    .nullable(),
});
export type TagView = z.infer<typeof TagView>;

export const DefinitionView = z.object({
  definition: ModelDefinition,
  digest: Digest,
  codeUri: z.string(),
  codeRevision: z.string(),
  definedBy: z.string(),
});
export type DefinitionView = z.infer<typeof DefinitionView>;

/** The answer of the tag's `ledger` query: newest first, as far back as the workflow still holds. */
export const LedgerPage = z.object({ entries: z.array(LedgerEntry), oldestHeld: z.int() });
export type LedgerPage = z.infer<typeof LedgerPage>;
