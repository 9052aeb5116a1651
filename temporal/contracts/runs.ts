import { z } from 'zod';
import { EVERY_TAG } from '../ids.js';
import { GatePolicy, GateReport, Verdict } from './gate.js';
import { ModelDefinition } from './definition.js';
import { ModelRecord } from './model.js';
import { Signed } from './approval.js';
import { ModelFigures, TrafficFigures } from './figures.js';
import { LedgerEntry, LedgerOwner } from './ledger.js';
import { RolloutPlan } from './rollout-plan.js';
import { PoolName } from './pool.js';
import { Digest, Duration, Instant, ModelId, ModelTag, Reason, Version } from './scalars.js';
import { ShadowCheck, ShadowReport } from './shadow.js';
import { Requested } from './tag.js';
import { Params } from './training.js';

export const RunKind = z.enum(['retrain', 'evaluate', 'rollout', 'shadow', 'fleet']);
export type RunKind = z.infer<typeof RunKind>;

export const Decision = z.enum([
  'promoted',
  'better-not-promoted',
  'not-better',
  'inconclusive',
  'rejected',
  'superseded',
  'aborted',
  'skipped',
  'rolled-back',
]);
export type Decision = z.infer<typeof Decision>;

/** What starts a retrain. A schedule's action carries `trigger: 'schedule'` and no key: the slot is in the workflow id. */
export const RetrainRequest = z.strictObject({
  tag: ModelTag,
  trigger: z.enum(['request', 'schedule']),
  asOf: Instant.optional(),
  params: Params.optional(),
  autoPromote: z.boolean().optional(),
  actor: z.string().max(200),
  reason: Reason.optional(),
  /** The tag's place in its schedule's spread, milliseconds after the nominal time; the nominal time stays the cut-off. */
  delayMs: z.int().nonnegative().optional(),
});
export type RetrainRequest = z.infer<typeof RetrainRequest>;

export const EvaluateRequest = z.strictObject({
  modelId: ModelId,
  holdout: z.strictObject({ from: Instant, until: Instant }).optional(),
  against: z.union([ModelId, z.literal('live'), z.literal('none')]).optional(),
  actor: z.string().max(200),
  reason: Reason.optional(),
});
export type EvaluateRequest = z.infer<typeof EvaluateRequest>;

export const StageState = z.enum(['pending', 'running', 'waiting', 'done', 'skipped', 'failed']);
export const Stage = z.object({
  name: z.string(),
  state: StageState,
  startedAt: Instant.optional(),
  finishedAt: Instant.optional(),
  /** Of the time since its start: waited for people, a turn or a window. */
  waitedMs: z.number().optional(),
  detail: z.string().optional(),
});
export type Stage = z.infer<typeof Stage>;

/** A watch under way, as a long one carries it from page to page. */
export const Watching = z.strictObject({
  entry: LedgerEntry,
  plan: RolloutPlan,
  stages: z.array(Stage),
  /** Figures since when nothing conclusive has been judged. */
  since: TrafficFigures.nullable(),
  /** The same of what the registry holds. */
  loggedSince: Instant.nullable(),
  /** Of the incumbent, before it was replaced. */
  baseline: ModelFigures.nullable(),
  /** Whether a judgement had enough data. */
  judged: z.boolean(),
  /** Of the window before the commit; absent where there was none. */
  shadow: ShadowReport.nullable().optional(),
});
export type Watching = z.infer<typeof Watching>;

/** `retrain`: it comes of one whose gate passed against `incumbent` under `judgedUnder`. */
export const RolloutRequest = z.strictObject({
  tag: ModelTag,
  version: Version,
  actor: z.string().max(200),
  reason: Reason,
  expectedLive: Version.nullable().optional(),
  override: Reason.optional(),
  breakGlass: z.literal(true).optional(),
  requested: Requested.optional(),
  /** A person's promote, signed. */
  signed: Signed.optional(),
  retrain: z
    .strictObject({
      workflowId: z.string(),
      incumbent: Version.nullable(),
      judgedUnder: Digest,
      registryRunId: z.string(),
      /** Everybody the retrain is owed to: none of them may approve what comes of it. */
      requesters: z.array(z.string()).optional(),
    })
    .optional(),
  /** From the run's own page before: the commit is made, the watch goes on. */
  watching: Watching.optional(),
  /** Events of a watch before it goes on in a new page; fewer are for tests of that. */
  eventsPerPage: z.int().positive().optional(),
});
export type RolloutRequest = z.infer<typeof RolloutRequest>;

/**
 * What starts a shadow window: between the instants, or of the duration from the moment it has a slot. What is absent is the
 * definition's, or SHADOW_DEFAULTS.
 */
export const ShadowRequest = z.strictObject({
  tag: ModelTag,
  version: Version,
  actor: z.string().max(200),
  reason: Reason,
  from: Instant.optional(),
  until: Instant.optional(),
  duration: Duration.optional(),
  samplingPercent: z.number().gt(0).lte(100).optional(),
  pool: PoolName.optional(),
  minRequests: z.int().nonnegative().optional(),
  checks: z.array(ShadowCheck).min(1).max(50).optional(),
  /** Its length counts from when its host is ready, where the pool has room; absent: it ends when its slot does. */
  fromReady: z.literal(true).optional(),
  /** A booking made ahead for this tag and version; absent: the run books for itself. */
  bookingId: z.string().min(1).max(200).optional(),
  /** What a full pool means: 'wait' for the next free window, as a rollout does, or 'refuse' with NoSlot. */
  whenFull: z.enum(['wait', 'refuse']),
  requested: Requested.optional(),
});
export type ShadowRequest = z.infer<typeof ShadowRequest>;

export const RetrainResult = z.object({
  tag: ModelTag,
  modelId: ModelId.nullable(),
  decision: Decision,
  gate: GateReport.nullable(),
  shadow: ShadowReport.nullable(),
  incumbent: ModelId.nullable(),
  codeRevision: z.string(),
  codeDigest: z.string(),
  dataCutoff: Instant,
  reason: z.string(),
  registryRunId: z.string(),
  /** The rollout this retrain handed its candidate to; the handle follows it. */
  rolloutWorkflowId: z.string().nullable(),
});
export type RetrainResult = z.infer<typeof RetrainResult>;

export const RolloutResult = z.object({
  tag: ModelTag,
  modelId: ModelId,
  outcome: z.enum(['promoted', 'aborted', 'rejected', 'superseded', 'inconclusive', 'rolled-back']),
  reason: z.string(),
  entry: LedgerEntry.nullable(),
  shadow: ShadowReport.nullable(),
});
export type RolloutResult = z.infer<typeof RolloutResult>;

/** The answer of a run's `status` query. The SDK adds start and finish from the execution itself. */
export const RunView = z.object({
  kind: RunKind,
  tag: ModelTag,
  stage: z.string(),
  stages: z.array(Stage),
  waitingFor: z
    .object({
      what: z.enum(['approval', 'turn', 'window', 'slot']),
      until: Instant.optional(),
      need: z.int().optional(),
      have: z.int().optional(),
    })
    .optional(),
  gate: GateReport.nullable(),
  /** Rollout only: set once the route was read back. */
  committed: LedgerEntry.nullable(),
  rolloutWorkflowId: z.string().nullable(),
});
export type RunView = z.infer<typeof RunView>;

/** Everything a run knows about its tag at admission; a later change of the tag does not reach it unseen. */
export const Admission = z.object({
  definition: ModelDefinition,
  definitionDigest: Digest,
  codeUri: z.string(),
  codeRevision: z.string(),
  definedBy: z.string(),
  live: ModelRecord.nullable(),
  liveSince: Instant.nullable(),
});
export type Admission = z.infer<typeof Admission>;

export const ReadRequest = z.discriminatedUnion('what', [
  z.strictObject({
    what: z.literal('ledger'),
    tag: LedgerOwner,
    before: z.int().positive(),
    limit: z.int().min(1).max(1000),
  }),
  z.strictObject({ what: z.literal('evidence'), tag: ModelTag, since: Instant.optional() }),
  z.strictObject({
    what: z.literal('simulate'),
    tag: ModelTag,
    policy: GatePolicy.optional(),
    since: Instant.optional(),
  }),
  z.strictObject({
    what: z.literal('model'),
    tag: ModelTag,
    version: Version,
    verify: z.boolean(),
  }),
  z.strictObject({ what: z.literal('head'), tag: ModelTag }),
  z.strictObject({ what: z.literal('signatures'), tag: ModelTag }),
  /** Whether jobs could be run now, of all tags. */
  z.strictObject({ what: z.literal('compute'), tag: z.literal(EVERY_TAG) }),
]);
export type ReadRequest = z.infer<typeof ReadRequest>;

/** A retrain's recorded evidence and what was decided on it, for `simulate`. */
export const RecordedEvidence = z.object({
  runId: z.string(),
  at: Instant,
  decision: Decision.nullable(),
  evidence: z.unknown(),
  policy: z.unknown(),
});
export type RecordedEvidence = z.infer<typeof RecordedEvidence>;

export const Simulation = z.object({
  decisions: z.array(
    z.object({
      runId: z.string(),
      at: Instant,
      actual: Decision.nullable(),
      would: Verdict,
      reasons: z.array(z.string()),
    }),
  ),
  changed: z.int().nonnegative(),
});
export type Simulation = z.infer<typeof Simulation>;
