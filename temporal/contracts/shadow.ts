import { z } from 'zod';
import { GateCheck, Verdict } from './gate.js';
import { Digest, Duration, ModelId, ModelTag } from './scalars.js';

export const ShadowCheck = z.strictObject({
  metric: z.string().min(1).max(300),
  max: z.number(),
  dryRun: z.boolean().optional(),
});
export type ShadowCheck = z.infer<typeof ShadowCheck>;

export const ShadowPolicy = z.strictObject({
  duration: Duration,
  samplingPercent: z.number().gt(0).lte(100).optional(),
  pool: z.string().min(1).max(100).optional(),
  minRequests: z.int().nonnegative().optional(),
  checks: z.array(ShadowCheck).min(1).max(50),
});
export type ShadowPolicy = z.infer<typeof ShadowPolicy>;

export const ShadowRequests = z.object({
  /** Answered by the live model while the mirror was in force. */
  eligible: z.int().nonnegative(),
  /** Copies that the candidate answered. */
  mirrored: z.int().nonnegative(),
  dropped: z.int().nonnegative(),
  failed: z.int().nonnegative(),
});
export type ShadowRequests = z.infer<typeof ShadowRequests>;

/** A number of a shadow window with how much it rests on: an approximate 95 % interval, null where none is computed. */
export const ShadowMeasure = z.object({
  value: z.number(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  /** Rows, or requests for what is counted by request. */
  samples: z.int().nonnegative(),
});
export type ShadowMeasure = z.infer<typeof ShadowMeasure>;

/**
 * What a shadow window showed, by the name of the metric: 'agreement_rate', 'disagreement_rate', 'score_mean_abs_diff',
 * 'score_mean_shift', 'score_psi', 'latency_p50_ratio', 'latency_p95_ratio', 'error_rate', 'input_psi:<column>', and of a slice
 * '<metric>[<column>=<value>]'. A metric that could not be computed is absent.
 */
export const ShadowEvidence = z.object({
  step: z.literal('shadow'),
  key: z.string(),
  candidate: ModelId,
  incumbent: ModelId,
  requests: ShadowRequests,
  /** Rows that both models scored. */
  rows: z.int().nonnegative(),
  /** Requests with at least one such row: what every measure of the answers rests on. */
  compared: z.int().nonnegative().optional(),
  measures: z.record(z.string(), ShadowMeasure),
});
export type ShadowEvidence = z.infer<typeof ShadowEvidence>;

/** The pairs of a window as a Parquet file below the artifact roots. */
export const ShadowPairs = z.object({
  uri: z.string().min(1),
  digest: Digest,
  bytes: z.int().nonnegative(),
  /** Rows of the file: one for each scored row of an eligible request. */
  rows: z.int().nonnegative(),
  requests: ShadowRequests,
});
export type ShadowPairs = z.infer<typeof ShadowPairs>;

export const ShadowReport = z.object({
  tag: ModelTag,
  candidate: ModelId,
  incumbent: ModelId,
  window: z.object({ from: z.string(), until: z.string(), extended: z.boolean() }),
  requests: ShadowRequests,
  metrics: z.record(z.string(), z.number()),
  verdict: Verdict,
  checks: z.array(GateCheck),
  routeRestored: z.boolean(),
  registryRunId: z.string(),
});
export type ShadowReport = z.infer<typeof ShadowReport>;
