import { z } from 'zod';
import { ApprovalSubject, Signed } from './approval.js';
import { ModelDefinition } from './definition.js';
import { LedgerEntry } from './ledger.js';
import { ModelRecord } from './model.js';
import { RolloutPlan } from './rollout-plan.js';
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
  /** Everybody the run is owed to: none of them may approve it. Absent: whoever asks. */
  requesters: z.array(z.string().min(1).max(200)).max(50).optional(),
  /** Needs no approval and no open window, and a key that is listed for it. */
  breakGlass: z.literal(true).optional(),
  /** A person's promote, signed. */
  signed: Signed.optional(),
});
export type BeginRolloutCommand = z.infer<typeof BeginRolloutCommand>;

export const LeaseCommand = z.strictObject({
  asked: Asked,
  lease: z.string(),
  step: z.int().nonnegative(),
});
export type LeaseCommand = z.infer<typeof LeaseCommand>;

export const ShiftTrafficCommand = LeaseCommand.extend({
  weightPercent: z.number().gt(0).lte(100),
});
export type ShiftTrafficCommand = z.infer<typeof ShiftTrafficCommand>;

export const RenewLeaseCommand = LeaseCommand.extend({
  /** The lease is wanted at least until then; absent: for the usual time. */
  until: Instant.optional(),
  /** What the run waits for from now on, null: it works. A candidate that waits for people is not what a rollback leaves. */
  waitingFor: z.enum(['shadow', 'approval', 'window']).nullable().optional(),
});
export type RenewLeaseCommand = z.infer<typeof RenewLeaseCommand>;

/** A lease that was renewed, and the approvals of its candidate so far: what a run asks for that missed a notice. */
export const RenewedLease = z.object({
  deadline: Instant,
  approvals: z.int().nonnegative(),
  /** Until when its approvals may be given; absent where it needs none. */
  approvalUntil: Instant.optional(),
});
export type RenewedLease = z.infer<typeof RenewedLease>;

/** Of approve, reject and withdraw; the reason in `asked` is the approver's comment. */
export const ApproveCommand = z.strictObject({
  asked: Asked,
  subject: ApprovalSubject,
  signed: Signed.optional(),
});
export type ApproveCommand = z.infer<typeof ApproveCommand>;

/** 'platform': a freeze of every tag, pushed by the platform's workflow, which alone lifts it. */
const Scope = z.enum(['tag', 'platform']).optional();
export const FreezeCommand = z.strictObject({
  asked: Asked,
  until: Instant.optional(),
  scope: Scope,
});
export type FreezeCommand = z.infer<typeof FreezeCommand>;
export const UnfreezeCommand = z.strictObject({ asked: Asked, scope: Scope });
export type UnfreezeCommand = z.infer<typeof UnfreezeCommand>;

export const RetireCommand = z.strictObject({ asked: Asked });
export type RetireCommand = z.infer<typeof RetireCommand>;

/** Begins a mirror; asked again by the run whose mirror is in force, it moves its end. */
export const BeginShadowCommand = z.strictObject({
  asked: Asked,
  model: ModelRecord,
  samplingPercent: z.number().gt(0).lte(100),
  until: Instant,
});
export type BeginShadowCommand = z.infer<typeof BeginShadowCommand>;
/** Ends the mirror of that name; without one, whichever the asking workflow holds. */
export const EndShadowCommand = z.strictObject({ asked: Asked, shadow: z.string().optional() });
export type EndShadowCommand = z.infer<typeof EndShadowCommand>;

/** What `shadowObjection` is asked about: a window, from now or from an instant to come. */
export const WantedShadow = z.strictObject({
  version: Version,
  from: Instant,
  until: Instant,
  workflowId: z.string().max(1000),
});
export type WantedShadow = z.infer<typeof WantedShadow>;

/** A person who triggered or backfilled the slots of a span: no approver of what comes of them. */
export const TriggerCommand = z.strictObject({ asked: Asked, from: Instant, until: Instant });
export type TriggerCommand = z.infer<typeof TriggerCommand>;

/** From a run that brings up the host of a version by itself; the answer is what to bring up. It stays until then at most. */
export const HoldHostCommand = z.strictObject({ asked: Asked, model: ModelRecord, until: Instant });
export type HoldHostCommand = z.infer<typeof HoldHostCommand>;

/** From a run that held it, or that lost its lease: the host it was granted, which it may have made again since. */
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
    plan: RolloutPlan.optional(),
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
    .object({
      modelId: ModelId,
      weightPercent: z.number(),
      workflowId: z.string(),
      waitingFor: z.enum(['shadow', 'approval', 'window']).nullable(),
    })
    .nullable(),
  shadow: z.object({ modelId: ModelId, until: Instant, workflowId: z.string() }).nullable(),
  frozen: z.object({ by: z.string(), reason: z.string(), until: Instant.nullable() }).nullable(),
  quarantined: z.array(z.int()),
  retired: z.object({ by: z.string(), reason: z.string(), at: Instant }).nullable(),
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
