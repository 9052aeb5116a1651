import { routeOf } from './route.js';
import type { Outcome, TagState } from './state.js';

/** Writes the route again that the state means, under a new fence, because the one in force is not known for sure. */
export function repair(state: TagState, reason: string): Outcome<null> {
  if (state.intent !== null) return { state, result: null };
  const fence = state.fence + 1;
  const entry = {
    action: 'repair' as const,
    from: state.live,
    to: state.live,
    actor: 'modelyard',
    reason,
    workflowId: `tag/${state.tag}`,
    evidence: [],
  };
  const intent = {
    fence,
    route: routeOf(state),
    entry,
    live: state.live,
    soft: true,
  };
  return { state: { ...state, fence, intent }, result: null };
}
