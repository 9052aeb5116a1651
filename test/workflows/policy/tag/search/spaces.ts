import type { ModelDefinition } from '../../../../../temporal/contracts/definition.js';
import { Driven } from '../tags.js';
import { keyOf } from './canonical.js';
import type { Space } from './explore.js';
import { brokenState, brokenStep } from './invariants.js';
import { moves, type Alphabet } from './moves.js';
import { AT, begun, REAL, type Parts, type World } from './world.js';

export const PLAIN: Alphabet = {
  versions: [1, 2, 3],
  canary: false,
  anyTarget: false,
  quarantine: false,
  queue: false,
  hosts: false,
  shadow: false,
  approval: false,
  freeze: false,
  late: 1,
};

export const APPROVED: Partial<ModelDefinition> = {
  gate: {
    metrics: [{ name: 'auc', direction: 'higher', minImprovement: 0 }],
    approval: { required: 1 },
  },
};

export interface Configuration {
  alphabet?: Partial<Alphabet>;
  definition?: Partial<ModelDefinition>;
  parts?: Partial<Parts>;
}

/** Everything that may happen to one tag and its route, as far as the alphabet goes. */
export function tagSpace({ alphabet: of, definition, parts: over }: Configuration): Space<World> {
  const alphabet = { ...PLAIN, ...of };
  const parts = { ...REAL, ...over };
  return {
    start: begun(new Driven(definition).state),
    moves: (world) => moves(world, alphabet, parts),
    key: (world) => keyOf(world, alphabet),
    broken: ({ before, after, label, isNew }) => {
      const step = { before, after, label, at: AT, retirable: parts.retirable };
      return brokenStep(step) ?? (isNew ? brokenState(step) : null);
    },
  };
}
