import { z } from 'zod';
import {
  Duration,
  IdempotencyKey,
  ModelId,
  ModelTag,
  Reason,
  Version,
} from '../temporal/contracts/scalars.js';
import { ModelDefinition } from '../temporal/contracts/definition.js';
import { PoolName } from '../temporal/contracts/pool.js';
import { RunKind } from '../temporal/contracts/runs.js';
import { ShadowCheck } from '../temporal/contracts/shadow.js';
import { LedgerHead } from '../temporal/contracts/statement.js';
import { Params } from '../temporal/contracts/training.js';
import { EVERY_TAG } from '../temporal/ids.js';
import { LONGEST_SHADOW_MS } from '../temporal/shadow-defaults.js';
import { parseArguments } from './issues.js';

// The schemas of what callers hand to the verbs. A misspelt option is refused rather than ignored.

const change = { reason: Reason, idempotencyKey: IdempotencyKey.optional() };

export const ChangeArguments = z.strictObject(change);
export const PromoteArguments = z.strictObject({
  ...change,
  expectedLive: Version.nullable().optional(),
  override: Reason.optional(),
  breakGlass: z.literal(true).optional(),
});
export const ApproveArguments = z.strictObject({ comment: Reason.optional() });
export const CommentArguments = z.strictObject({ comment: Reason });
export const FreezeArguments = z.strictObject({ ...change, until: z.date().optional() });
export const DemoteArguments = z.strictObject({
  ...change,
  to: z.enum(['previous', 'none']).optional(),
});
export const RollbackArguments = z.strictObject({
  ...change,
  from: Version.optional(),
  to: z.union([z.literal('previous'), Version, z.date()]).optional(),
});
export const ReconcileArguments = z.strictObject({ dryRun: z.boolean().optional() });
export const RetrainArguments = z.strictObject({
  asOf: z.date().optional(),
  // Params reach the user's code untouched, so what JSON would bend (NaN, a Date) is refused.
  params: Params.pipe(z.record(z.string(), z.json())).optional(),
  autoPromote: z.boolean().optional(),
  idempotencyKey: IdempotencyKey.optional(),
  reason: Reason.optional(),
});
const Period = z
  .strictObject({ from: z.date(), until: z.date() })
  .refine(({ from, until }) => from < until, {
    path: ['until'],
    error: 'expected an instant after from',
  });
export const EvaluateArguments = z.strictObject({
  holdout: Period.optional(),
  against: z.union([z.literal('live'), z.literal('none'), ModelId]).optional(),
  idempotencyKey: IdempotencyKey.optional(),
  reason: Reason.optional(),
});
export const LedgerArguments = z.strictObject({
  limit: z.int().min(1).max(100_000).optional(),
  before: z.int().min(1).optional(),
});
export const VerifyArguments = z
  .strictObject({
    head: LedgerHead.extend({ at: z.date(), signature: z.string().max(100).nullable() }).optional(),
    publicKey: z.string().optional(),
  })
  .refine(({ head, publicKey }) => head !== undefined || publicKey === undefined, {
    path: ['head'],
    error: 'is required with publicKey: it is what the key has signed',
  });
export const SimulateArguments = z.strictObject({ since: z.date().optional() });
export const ListRunsArguments = z.strictObject({
  tag: ModelTag.optional(),
  kind: RunKind.optional(),
  state: z.enum(['running', 'waiting', 'completed', 'failed', 'cancelled']).optional(),
  waitingFor: z.literal('approval').optional(),
  since: z.date().optional(),
});
export const ListModelsArguments = z.strictObject({
  owner: z.string().optional(),
  family: z.string().optional(),
  tier: ModelDefinition.shape.tier,
  state: z.enum(['live', 'empty', 'frozen', 'busy']).optional(),
});
export const BackfillArguments = Period;
export const CalendarArguments = Period;
export const BookingArguments = z
  .strictObject({ tag: ModelTag, version: Version, from: z.date(), until: z.date() })
  .refine(({ from, until }) => from < until, {
    path: ['until'],
    error: 'expected an instant after from',
  })
  .refine(({ from, until }) => until.getTime() - from.getTime() <= LONGEST_SHADOW_MS, {
    path: ['until'],
    error: 'expected an instant at most 30 days after from',
  });

export const ShadowArguments = z
  .strictObject({
    ...change,
    from: z.date().optional(),
    until: z.date().optional(),
    duration: Duration.optional(),
    samplingPercent: z.number().gt(0).lte(100).optional(),
    pool: PoolName.optional(),
    minRequests: z.int().nonnegative().optional(),
    checks: z.array(ShadowCheck).min(1).max(50).optional(),
    bookingId: z.string().min(1).max(200).optional(),
  })
  .refine(({ until, duration }) => until === undefined || duration === undefined, {
    path: ['duration'],
    error: 'expected until or duration, not both',
  })
  .refine(({ bookingId, duration }) => bookingId === undefined || duration === undefined, {
    path: ['duration'],
    error: 'expected bookingId or duration, not both: the booking says how long',
  });
export const ExtendShadowArguments = z.strictObject({ until: z.date() });
export const EndShadowArguments = z.strictObject({ reason: Reason });

/** For the verbs that take '*', every tag, too: the schema that says best what is wrong with what was given. */
export const tagOrEvery = (tag: unknown): z.ZodType<string> =>
  tag === EVERY_TAG ? z.literal(EVERY_TAG) : ModelTag;

export function parseTag(verb: string, tag: unknown): string {
  return parseArguments(verb, { tag: ModelTag }, { tag }).tag;
}
