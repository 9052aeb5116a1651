import { emptyPlatform } from '../../../../../workflows/policy/platform/state.js';
import type { PlatformState } from '../../../../../workflows/policy/platform/state.js';
import { acknowledged } from '../../../../../workflows/policy/platform/directory.js';
import { orderOf } from '../../../../../workflows/policy/platform/freeze.js';
import { transition } from '../../../../../workflows/policy/platform/transition.js';
import type { Command } from '../../../../../workflows/policy/tag/transition.js';
import type { Space } from './explore.js';
import { by } from './moves.js';
import { tagSpace } from './spaces.js';
import { AT, commanded, REAL, type World } from './world.js';

/** Two tags and the freeze that the platform pushes to both. */
export interface Pair {
  tags: readonly [World, World];
  platform: PlatformState;
}

const NAMES = ['flight-delay', 'fare'] as const;

export function pairSpace(): Space<Pair> {
  const one = tagSpace({ alphabet: { versions: [1], late: 0 } });
  return {
    start: { tags: [one.start, renamed(one.start)], platform: registered() },
    moves: (pair) => pairMoves(pair, one),
    key: ({ tags, platform }) =>
      [...tags.map((world) => one.key(world)), platform.frozen !== null, platform.pending].join(
        '|',
      ),
    broken: ({ before, after, label, isNew }) => {
      const index = before.tags[0] === after.tags[0] ? 1 : 0;
      const step = { before: before.tags[index], after: after.tags[index], label, isNew };
      return (step.before === step.after ? null : one.broken(step)) ?? sharedFreeze(before, after);
    },
  };
}

/** A tag that has acknowledged the freeze of all begins and commits nothing. */
function sharedFreeze({ platform, tags }: Pair, after: Pair): string | null {
  if (platform.frozen === null) return null;
  const moved = NAMES.some((name, index) => {
    const [was, is] = [tags[index]?.state, after.tags[index]?.state];
    if (!was || !is || platform.pending.includes(name)) return false;
    const begun = is.lease !== null && is.lease.id !== was.lease?.id;
    return begun || (is.intent !== was.intent && is.intent?.entry.action === 'promote');
  });
  return moved ? 'no rollout of a tag that knows of the freeze of all gets on' : null;
}

const renamed = (world: World): World => ({
  ...world,
  state: { ...world.state, tag: NAMES[1] },
  store: { ...world.store, tag: NAMES[1] },
});

const registered = (): PlatformState =>
  NAMES.reduce<PlatformState>((state, tag) => {
    const outcome = transition(state, { type: 'register', asked: by('ops'), tag, owner: 'x' }, AT);
    return outcome.refused ? state : outcome.state;
  }, emptyPlatform());

function* pairMoves(pair: Pair, one: Space<World>): Generator<{ label: string; to: Pair }> {
  const [first, second] = pair.tags;
  for (const { label, to } of one.moves(first))
    yield { label: `${NAMES[0]}: ${label}`, to: { ...pair, tags: [to, second] } };
  for (const { label, to } of one.moves(second))
    yield { label: `${NAMES[1]}: ${label}`, to: { ...pair, tags: [first, to] } };
  for (const type of ['freezeAll', 'unfreezeAll'] as const) {
    const outcome = transition(pair.platform, { type, asked: by('ops') }, AT);
    if (!outcome.refused) yield { label: type, to: { ...pair, platform: outcome.state } };
  }
  yield* pushes(pair);
}

/** The platform's newest order reaches a tag, under its lock, and is acknowledged; a tag that does so already says so, too. */
function* pushes({ tags, platform }: Pair): Generator<{ label: string; to: Pair }> {
  const order = orderOf(platform);
  for (const name of platform.pending) {
    const index = NAMES.indexOf(name as (typeof NAMES)[number]);
    const world = tags[index];
    if (!order || !world || world.state.intent !== null) continue;
    const type = order.frozen ? 'freeze' : 'unfreeze';
    const command: Command = { type, asked: order.asked, scope: 'platform' };
    const told = commanded(world, command, { parts: REAL, at: AT }) ?? world;
    const known = acknowledged(platform, order.number, [name]);
    const [first, second] = index === 0 ? [told, tags[1]] : [tags[0], told];
    yield { label: `${name} hears of it`, to: { tags: [first, second], platform: known } };
  }
}
