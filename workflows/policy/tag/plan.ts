import type { RolloutPlan } from '../../../temporal/contracts/rollout-plan.js';
import type { Lease, TagState } from './state.js';

const DEFAULT_CHECK_EVERY = '1m';

/** What the run does under its lease besides the commit, by the definition in force when the lease was granted. */
export function planOf(state: TagState, { approval, breakGlass }: Lease): RolloutPlan {
  const { rollout, shadow } = state.definition?.definition ?? {};
  const { live, models } = state;
  // With nothing live there is nobody to share the traffic with.
  const steps = live === null ? [] : (rollout?.steps ?? []);
  return {
    // Nor is there, with nothing live, anybody to compare with; and whoever breaks the glass does not wait for days.
    shadow: live === null || breakGlass ? null : (shadow ?? null),
    approval,
    steps,
    watch: rollout?.watch ?? '0s',
    checks: rollout?.checks ?? [],
    checkEvery: rollout?.checkEvery ?? DEFAULT_CHECK_EVERY,
    windows: breakGlass ? null : (rollout?.windows ?? null),
    incumbent: live === null ? null : (models[String(live)] ?? null),
  };
}
