import { z } from 'zod';
import { Digest, ModelId } from './scalars.js';

/** "NaN": measured, and not a finite number. null: not measured. */
export const Measured = z.union([z.number(), z.literal('NaN'), z.null()]);
export type Measured = z.infer<typeof Measured>;

export const HoldoutEvidence = z.object({
  digest: Digest,
  rows: z.int().nonnegative(),
  from: z.string().nullish(),
  to: z.string().nullish(),
});
export type HoldoutEvidence = z.infer<typeof HoldoutEvidence>;

export const MetricEvidence = z.object({
  name: z.string(),
  slice: z.string().nullable(),
  rows: z.int().nonnegative(),
  candidate: Measured,
  incumbent: Measured,
  /** candidate − incumbent, in the metric's own direction. */
  difference: Measured,
  /** Two-sided intervals of the difference by confidence level, e.g. "0.95". */
  intervals: z.record(z.string(), z.tuple([z.number(), z.number()])).nullable(),
  method: z.string().nullable(),
  clusters: z.int().nullable(),
});
export type MetricEvidence = z.infer<typeof MetricEvidence>;

/** What an evaluation job measured, and all that a gate may look at besides its policy. */
export const EvaluationEvidence = z.object({
  candidate: ModelId,
  incumbent: ModelId.nullable(),
  holdout: HoldoutEvidence,
  incumbentHoldout: HoldoutEvidence.nullable(),
  candidateTrainedOnRows: z.int().nonnegative(),
  incumbentTrainedOnRows: z.int().nonnegative(),
  ownEvaluation: z.boolean(),
  metrics: z.array(MetricEvidence),
});
export type EvaluationEvidence = z.infer<typeof EvaluationEvidence>;

export const EvaluationReport = z.object({
  modelId: ModelId,
  incumbent: ModelId.nullable(),
  metrics: z.record(z.string(), z.number()),
  holdout: z.object({ digest: Digest, rows: z.int() }),
  registryRunId: z.string(),
});
export type EvaluationReport = z.infer<typeof EvaluationReport>;
