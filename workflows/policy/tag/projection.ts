import type { Projection } from '../../../activities/registry/port.js';
import { rollbackTarget } from './target.js';
import type { TagState } from './state.js';

/** Aliases and tags as MLflow should show them, from the newest state alone: never a replay of what happened. */
export function projectionOf(state: TagState): Projection {
  const { definition } = state;
  const previous = state.retired ? null : rollbackTarget(state);
  const challenger = state.lease?.version ?? null;
  return {
    tag: state.tag,
    owner: definition?.definition.owner.team ?? '',
    tier: definition?.definition.tier ?? 'standard',
    description: definition?.definition.description ?? null,
    definition: definition?.definition ?? null,
    definitionDigest: definition?.digest ?? null,
    aliases: { champion: state.live, previous, challenger },
    statuses: Object.fromEntries([
      ...state.released.map((version) => [String(version), 'released']),
      ...state.stack.map((version) => [String(version), 'retired']),
      ...(previous === null ? [] : [[String(previous), 'previous']]),
      ...(challenger === null ? [] : [[String(challenger), 'challenger']]),
      ...Object.keys(state.quarantined).map((version) => [version, 'quarantined']),
      ...(state.live === null ? [] : [[String(state.live), 'champion']]),
    ]) as Record<string, string>,
  };
}
