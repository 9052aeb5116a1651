import { z } from 'zod';
import { GateCheck, Verdict } from './gate.js';
import { Duration, ModelId, ModelTag } from './scalars.js';

export const ShadowCheck = z.strictObject({
  metric: z.string().min(1).max(100),
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

export const ShadowReport = z.object({
  tag: ModelTag,
  candidate: ModelId,
  incumbent: ModelId,
  window: z.object({ from: z.string(), until: z.string(), extended: z.boolean() }),
  requests: z.object({
    eligible: z.int(),
    mirrored: z.int(),
    dropped: z.int(),
    failed: z.int(),
  }),
  metrics: z.record(z.string(), z.number()),
  verdict: Verdict,
  checks: z.array(GateCheck),
  routeRestored: z.boolean(),
  registryRunId: z.string(),
});
export type ShadowReport = z.infer<typeof ShadowReport>;
