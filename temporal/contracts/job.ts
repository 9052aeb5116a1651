import { z } from 'zod';
import { Digest, Instant } from './scalars.js';

/** A job name: derived from run, step and attempt in `names.ts`; at most 63 characters, fit for every backend. */
export const JobName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);

/**
 * One unit of compute. `document` becomes the file MODELYARD_INPUT names; the canonical digest of all fields but `deadline`
 * is the spec hash by which an adapter tells "the job I made" from "another job of that name".
 */
export const JobSpec = z.strictObject({
  name: JobName,
  target: z.string(),
  /** Workflow id of the run: the owner mark. */
  owner: z.string().min(1),
  tag: z.string(),
  program: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('harness'), step: z.enum(['train', 'evaluate', 'shadow']) }),
    z.strictObject({
      kind: z.literal('image'),
      image: z.string(),
      command: z.array(z.string()).optional(),
      step: z.enum(['train', 'evaluate']),
    }),
  ]),
  document: z.record(z.string(), z.unknown()),
  resources: z.strictObject({
    class: z.enum(['cpu', 'gpu', 'high-memory']),
    cpu: z.number().positive().optional(),
    memoryMiB: z.int().positive().optional(),
    gpu: z.int().nonnegative().optional(),
  }),
  tier: z.enum(['critical', 'standard', 'experimental']),
  /** Environment name to the name of a secret in the worker's configuration. */
  secrets: z.record(z.string(), z.string()),
  /** Running time the job may use from its start, milliseconds. */
  timeoutMs: z.int().positive(),
  /** Absolute end of waiting for it, queueing included. */
  deadline: Instant,
});
export type JobSpec = z.infer<typeof JobSpec>;

/** An empty `uid` means whatever job has the name. */
export const JobRef = z.strictObject({
  name: JobName,
  target: z.string(),
  uid: z.string(),
  /** Where a backend of several places put it, in words. */
  placement: z.string().optional(),
});
export type JobRef = z.infer<typeof JobRef>;

/** What a try of running a job heartbeats: for the next try, by whatever worker, and for those who ask how the job is doing. */
export const JobBeat = z.object({
  uid: z.string().min(1),
  placement: z.string().optional(),
  /** Where it stood when it was last looked at, in words. */
  standing: z.string().optional(),
});
export type JobBeat = z.infer<typeof JobBeat>;

/** Why a job ended badly. The decision (retry free, retry counted, fail) is made from it in `workflows/policy/attempts.ts`. */
export const JobFailure = z.object({
  cause: z.enum([
    'user-error',
    'temporary',
    'interrupted',
    'out-of-memory',
    'deadline',
    'crashed',
    'disrupted',
    'start-failed',
    'integrity',
    'bad-result',
  ]),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  /** The harness's own type and message (failure.json), else the adapter's sentence. */
  type: z.string(),
  message: z.string(),
  traceback: z.string().nullable(),
  logTail: z.string(),
});
export type JobFailure = z.infer<typeof JobFailure>;

export const JobObservation = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('queued'), detail: z.string() }),
  z.object({ phase: z.literal('starting'), detail: z.string() }),
  z.object({ phase: z.literal('running'), detail: z.string() }),
  z.object({ phase: z.literal('succeeded'), result: z.unknown() }),
  z.object({ phase: z.literal('failed'), failure: JobFailure }),
  z.object({ phase: z.literal('vanished'), detail: z.string() }),
]);
export type JobObservation = z.infer<typeof JobObservation>;

/** Something that jobs need and that was looked at. */
export const Examined = z.object({
  /** The target's name and what of it. */
  what: z.string(),
  ok: z.boolean(),
  /** What was found; when it is not in order, also what to do. */
  detail: z.string(),
});
export type Examined = z.infer<typeof Examined>;

export const ModelFile = z.object({
  path: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
});

/** What a training job publishes (result.json). Unknown fields are kept out of histories. */
export const TrainResult = z.object({
  step: z.literal('train'),
  key: z.string(),
  model: z.object({
    uri: z.string().min(1),
    loggedModelId: z.string().min(1),
    digest: Digest,
    files: z.array(ModelFile).min(1),
  }),
  features: z.array(z.string()),
  dataDigest: Digest,
  rows: z.object({ train: z.int(), holdout: z.int(), unlabelled: z.int(), tooYoung: z.int() }),
  holdout: z.object({
    digest: Digest,
    rows: z.int(),
    from: z.string().nullish(),
    to: z.string().nullish(),
  }),
  trainedOn: z.object({
    from: z.string().nullable(),
    until: z.string().nullable(),
    holdout: z.unknown(),
    timeColumn: z.string().nullable(),
  }),
  metrics: z.record(z.string(), z.number()),
  ownEvaluation: z.union([
    z.literal(false),
    z.object({ digest: Digest, rows: z.int(), uri: z.string() }),
  ]),
});
export type TrainResult = z.infer<typeof TrainResult>;
