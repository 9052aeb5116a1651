import { after, msOf } from '../../../temporal/duration.js';
import { rulesOf } from './logic.js';
import { withHost } from './route.js';
import type { TagState } from './state.js';
import { rollbackTarget } from './target.js';

const HOUR_MS = 3_600_000;

/** `keepPreviousWarm`, by default the watch, at least an hour. */
export function warmMs(state: TagState): number {
  const rollout = state.definition?.definition.rollout;
  if (rollout?.keepPreviousWarm !== undefined) return msOf(rollout.keepPreviousWarm);
  return Math.max(HOUR_MS, rollout?.watch === undefined ? 0 : msOf(rollout.watch));
}

/** The state with a host for what a rollback would go to, from the move at `at` on for its time. */
export function keepTargetWarm(state: TagState, at: string): TagState {
  const target = rollbackTarget(state);
  return target === null ? state : withHost(state, target, after(at, warmMs(state)));
}

/** After a version was quarantined or released another one may be the target: it is warm for the rest of the time. */
export function warmTarget(state: TagState, at: string): TagState {
  const target = rollbackTarget(state);
  if (!rulesOf(state).targetIsWarmedAtOnce || target === null || state.liveSince === null)
    return state;
  const until = after(state.liveSince, warmMs(state));
  return until > at ? withHost(state, target, until) : state;
}
