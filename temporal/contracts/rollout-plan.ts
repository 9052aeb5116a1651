import { z } from 'zod';
import { ApprovalState } from './approval.js';
import { ModelRecord } from './model.js';
import { LiveCheck, RolloutPolicy } from './rollout.js';
import { Duration } from './scalars.js';
import { ShadowPolicy } from './shadow.js';

/** What a rollout does besides the commit: the definition's words when the lease was granted, which hold to the end. */
export const RolloutPlan = z.object({
  /** The window that the candidate is judged in before it is approved. Absent in plans of a release without any. */
  shadow: ShadowPolicy.nullable().optional(),
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
