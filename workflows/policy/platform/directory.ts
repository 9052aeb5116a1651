import type {
  RegisterCommand,
  RegisteredTag,
  Registration,
} from '../../../temporal/contracts/platform.js';
import { frozenAt } from './freeze.js';
import type { PlatformState } from './state.js';

/**
 * Lists a tag and says what holds. A tag that is new while the platform is frozen is told of it once more, like the others:
 * its answer may be lost.
 */
export function register(
  state: PlatformState,
  { tag, owner }: Pick<RegisterCommand, 'tag' | 'owner'>,
  at: string,
): { state: PlatformState; result: Registration } {
  const frozen = frozenAt(state, at);
  if (state.tags[tag] === owner) return { state, result: { frozen } };
  const tell = frozen !== null && !Object.hasOwn(state.tags, tag);
  const pending = tell ? [...state.pending, tag] : state.pending;
  return {
    state: { ...state, tags: { ...state.tags, [tag]: owner }, pending },
    result: { frozen },
  };
}

/** An acknowledgement of an older entry says nothing of the newest. */
export function acknowledged(
  state: PlatformState,
  number: number,
  tags: readonly string[],
): PlatformState {
  const told = new Set(tags);
  if (number !== state.seq || told.size === 0) return state;
  return { ...state, pending: state.pending.filter((tag) => !told.has(tag)) };
}

/** Tags by name. */
export function tagsAfter(
  { tags }: PlatformState,
  after: string | undefined,
  limit: number,
): RegisteredTag[] {
  return Object.entries(tags)
    .filter(([tag]) => after === undefined || tag > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([tag, owner]) => ({ tag, owner }));
}
