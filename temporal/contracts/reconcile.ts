import { z } from 'zod';
import { Asked } from './tag.js';
import { FencedRoute } from './route.js';
import { PoolName, TakenBooking } from './pool.js';
import { ModelId, ModelTag, Version } from './scalars.js';

/** What differed and whether it has been put right and read back; `tag` '*': something of no tag alone. */
export const Finding = z.object({ tag: z.string(), what: z.string(), repaired: z.boolean() });
export type Finding = z.infer<typeof Finding>;

/** What a store answered, or why it could not be asked. */
const answered = <Value extends z.ZodType>(value: Value) =>
  z.union([z.object({ value }), z.object({ unavailable: z.string() })]);

const AliasVersion = Version.nullable();

/** What the stores hold of a tag at about one instant. */
export const Observation = z.object({
  route: answered(FencedRoute),
  registry: answered(
    z.object({
      aliases: z.object({
        champion: AliasVersion,
        previous: AliasVersion,
        challenger: AliasVersion,
      }),
      /** By version, '' where there is none. */
      statuses: z.record(z.string(), z.string()),
    }),
  ),
  /** Names of the hosts that serve versions of the tag. */
  hosts: answered(z.array(z.string())),
  /** Whether the run that holds the tag's lease is closed; false when nothing holds it. */
  holderClosed: z.boolean(),
});
export type Observation = z.infer<typeof Observation>;

/** `adopt`: a champion alias that was moved by hand is followed, not put back. */
export const ReconcileCommand = z.strictObject({
  asked: Asked,
  dryRun: z.boolean(),
  adopt: z.boolean(),
});
export type ReconcileCommand = z.infer<typeof ReconcileCommand>;

export const Reconciled = z.object({
  findings: z.array(Finding),
  /** The version to roll out, because somebody made it the champion by hand. */
  adopt: z
    .object({ version: Version, live: Version.nullable(), seq: z.int().nonnegative() })
    .nullable(),
});
export type Reconciled = z.infer<typeof Reconciled>;

/** What the workflow `reconcile` is started with; without a tag it is a sweep over all of them. */
export const ReconcileRequest = z.strictObject({
  tag: ModelTag.optional(),
  dryRun: z.boolean().optional(),
  /** Absent: as the worker's configuration says. */
  adopt: z.boolean().optional(),
  /**
   * Milliseconds between sweeps: only what looks wrong is looked at in depth, and of the rest as much as is needed to get
   * round in an hour. Absent: every tag is looked at.
   */
  everyMs: z.int().positive().optional(),
});
export type ReconcileRequest = z.infer<typeof ReconcileRequest>;

export const ReconcileResult = z.object({ findings: z.array(Finding) });
export type ReconcileResult = z.infer<typeof ReconcileResult>;

const HeldBooking = TakenBooking.extend({ pool: PoolName });

/** What a sweep has to do, found without changing anything. */
export const Survey = z.object({
  /** Tags with something to put right. */
  tags: z.array(ModelTag),
  hosts: z.array(z.object({ name: z.string(), modelId: ModelId })),
  jobs: z.array(z.object({ name: z.string(), target: z.string(), owner: z.string() })),
  runs: z.array(z.object({ runId: z.string(), tag: ModelTag, workflowId: z.string() })),
  /** Taken by runs that are closed. Absent: from a worker that does not look for them. */
  bookings: z.array(HeldBooking).optional(),
  /** Stores that could not be asked. */
  unavailable: z.array(z.string()),
});
export type Survey = z.infer<typeof Survey>;

/** What belongs to a run that is closed, or to a tag that there is not. */
export const Orphan = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('host'), name: z.string(), modelId: ModelId }),
  z.object({ kind: z.literal('job'), name: z.string(), target: z.string(), owner: z.string() }),
  z.object({
    kind: z.literal('run'),
    runId: z.string(),
    tag: z.string(),
    workflowId: z.string(),
  }),
  z.object({ kind: z.literal('booking'), ...HeldBooking.shape }),
]);
export type Orphan = z.infer<typeof Orphan>;
