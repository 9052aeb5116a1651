import { z } from 'zod';
import { ApprovalState } from './approval.js';
import { ModelRecord } from './model.js';
import { LiveCheck, RolloutPolicy } from './rollout.js';
import { Duration } from './scalars.js';

/** What a rollout does besides the commit: the definition's words when the lease was granted, which hold to the end. */
export const RolloutPlan = z.object({
  approval: ApprovalState.nullable(),
  steps: z.array(z.object({ weightPercent: z.number(), hold: Duration })),
  watch: Duration,
  checks: z.array(LiveCheck),
  checkEvery: Duration,
  windows: RolloutPolicy.shape.windows.unwrap().nullable(),
  /** The live model whose figures the checks compare with. */
  incumbent: ModelRecord.nullable(),
});
export type RolloutPlan = z.infer<typeof RolloutPlan>;
