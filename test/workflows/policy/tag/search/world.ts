import { isDeepStrictEqual } from 'node:util';
import type { FencedRoute } from '../../../../../temporal/contracts/route.js';
import { compareFences } from '../../../../../gateway/routes/fence.js';
import { retirable } from '../../../../../workflows/policy/tag/hosts.js';
import type { Intent, TagState } from '../../../../../workflows/policy/tag/state.js';
import { transition, type Command } from '../../../../../workflows/policy/tag/transition.js';

/** A tag, the route store's answer for it, and the writes that were given up and may arrive all the same. */
export interface World {
  state: TagState;
  store: FencedRoute;
  late: readonly FencedRoute[];
}

/** What the search drives. Each part is a guard that a mutant can remove. */
export interface Parts {
  transition: typeof transition;
  /** Whether the store takes a write; the real one compares fences. */
  accepts: (inForce: FencedRoute, write: FencedRoute) => boolean;
  /** Whether a write that reads back otherwise, or not at all, is settled as failed. */
  readsBack: boolean;
  /** Whether a command waits until the write before it is settled. */
  locks: boolean;
  retirable: typeof retirable;
}

export const REAL: Parts = {
  transition,
  accepts: (inForce, write) => compareFences(inForce, write) === 'apply',
  readsBack: true,
  locks: true,
  retirable,
};

/** Every command comes at this instant; what is due by then is over, and all else lasts for longer than the search. */
export const AT = '2026-03-01T12:00:00.000Z';
export const OVER = '2026-03-01T11:00:00.000Z';
export const LATER = '2026-03-01T13:00:00.000Z';

export const begun = (state: TagState): World => ({
  state,
  store: { tag: state.tag, fence: 0, route: { live: null } },
  late: [],
});

export const writeOf = ({ tag }: TagState, { fence, route }: Intent): FencedRoute => ({
  tag,
  fence,
  route,
});

/** The world after a command; null when it is refused. A write that is given up on the way stays under way. */
export function commanded(
  world: World,
  command: Command,
  { parts, at }: { parts: Parts; at: string },
): World | null {
  const outcome = parts.transition(world.state, command, at);
  if (outcome.refused) return null;
  const given = world.state.intent;
  const left =
    given !== null && outcome.state.intent !== given ? [writeOf(world.state, given)] : [];
  return pruned({ ...world, state: outcome.state, late: [...world.late, ...left] }, parts);
}

/** A write reaches the store, whoever still waits for it. */
export function arrived(world: World, write: FencedRoute, parts: Parts): World {
  return parts.accepts(world.store, write) ? pruned({ ...world, store: write }, parts) : world;
}

/** The store answers with the route in force; an answer that never comes is `null`. */
export function answered(
  world: World,
  seen: FencedRoute | null,
  by: { parts: Parts; at: string },
): World | null {
  const { intent } = world.state;
  if (intent === null) return null;
  const same = seen !== null && isDeepStrictEqual(seen, writeOf(world.state, intent));
  const outcome = same || !by.parts.readsBack ? 'applied' : 'failed';
  return commanded(world, { type: 'settle', fence: intent.fence, outcome }, by);
}

/** Late writes that the store would refuse for ever are as good as gone. */
function pruned(world: World, { accepts }: Parts): World {
  const late = world.late.filter((write) => accepts(world.store, write));
  return late.length === world.late.length ? world : { ...world, late };
}
