import { z } from 'zod';
import { Duration } from './scalars.js';
import { Cron, Timezone } from './schedule.js';

export const WindowSpec = z.strictObject({
  cron: Cron,
  duration: Duration,
  timezone: Timezone.optional(),
});
export type WindowSpec = z.infer<typeof WindowSpec>;

export const LiveCheck = z
  .strictObject({
    metric: z.string().min(1).max(100),
    max: z.number().optional(),
    maxRatioToIncumbent: z.number().positive().optional(),
    minSamples: z.int().positive().optional(),
    onNoData: z.enum(['wait', 'pause', 'fail']).optional(),
  })
  .refine((check) => check.max !== undefined || check.maxRatioToIncumbent !== undefined, {
    error: 'expected max or maxRatioToIncumbent; a check without a bound can never fail',
  });
export type LiveCheck = z.infer<typeof LiveCheck>;

export const RolloutPolicy = z.strictObject({
  steps: z
    .array(z.strictObject({ weightPercent: z.number().gt(0).lte(100), hold: Duration }))
    .max(50)
    .optional(),
  watch: Duration.optional(),
  checks: z.array(LiveCheck).max(50).optional(),
  checkEvery: Duration.optional(),
  keepPreviousWarm: Duration.optional(),
  windows: z
    .strictObject({
      allow: z.array(WindowSpec).max(50).optional(),
      deny: z.array(WindowSpec).max(50).optional(),
    })
    .optional(),
});
export type RolloutPolicy = z.infer<typeof RolloutPolicy>;

export const ServingSpec = z.strictObject({
  kind: z.enum(['dedicated', 'shared']),
  target: z.string().min(1).max(100).optional(),
  replicas: z.int().min(1).max(1000).optional(),
  instanceType: z.string().max(100).optional(),
  scaling: z
    .strictObject({
      minReplicas: z.int().min(0),
      maxReplicas: z.int().min(1),
      targetRpsPerReplica: z.number().positive(),
    })
    .refine((scaling) => scaling.minReplicas <= scaling.maxReplicas, {
      error: 'expected minReplicas to be at most maxReplicas',
    })
    .optional(),
});
export type ServingSpec = z.infer<typeof ServingSpec>;
