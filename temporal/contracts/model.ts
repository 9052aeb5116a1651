import { z } from 'zod';
import { Digest, Version } from './scalars.js';
import { Task } from './training.js';
import { ServingSpec } from './rollout.js';

/** Rows a model saw in training, so that an evaluation can tell whether its holdout is clean. */
export const TrainedOn = z.object({
  from: z.string().nullable(),
  until: z.string().nullable(),
  holdout: z.unknown(),
  timeColumn: z.string().nullable(),
});
export type TrainedOn = z.infer<typeof TrainedOn>;

/** All the tag's workflow needs to serve a version while the registry is away. */
export const ModelRecord = z.object({
  version: Version,
  digest: Digest,
  uri: z.string().min(1),
  task: Task,
  features: z.array(z.string()),
  trainedOn: TrainedOn.nullable(),
  serving: ServingSpec.nullable(),
  registryRunId: z.string(),
});
export type ModelRecord = z.infer<typeof ModelRecord>;

/** A registered version as the registry tells it, with what its run recorded about the gate. */
export const RegisteredModel = ModelRecord.extend({
  tag: z.string(),
  /** The files the digest is over, so that an altered artifact is named. */
  files: z.array(z.object({ path: z.string(), sha256: z.string(), bytes: z.int() })),
  /** Definition digest, code revision and the like: the `modelyard.*` version tags. */
  tags: z.record(z.string(), z.string()),
  gate: z
    .object({
      verdict: z.string(),
      incumbent: z.int().nullable(),
      policyDigest: z.string(),
      judgedUnder: z.string(),
    })
    .nullable(),
});
export type RegisteredModel = z.infer<typeof RegisteredModel>;
