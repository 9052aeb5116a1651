/**
 * Every state of a tag, searched with the real `transition` and the real comparison of fences.
 *
 * Two tags share nothing but the platform's freeze and a route store that keeps them apart by name: a `transition` sees one
 * state. So the states of two tags are pairs of states of one, and one tag is searched with three versions, which is what a
 * move, its target and the target after that need. The pairs are searched with a smaller alphabet, for the freeze.
 *
 * What may happen to one tag is searched in several alphabets, because their product only multiplies what does not meet: a
 * freeze refuses and changes nothing else, approvals matter up to the commit, warm times and retirements of hosts read the
 * route and never write it. Each has promotions, rollbacks from every version and from none, demotions, expired leases, steps
 * of a lease that has ended, writes that arrive, are confirmed, given up or come late, and repairs. The same command may come
 * at any time again. What is bounded is how many writes that were given up are still under way at once: `late`.
 *
 * CAMPAIGN_RUNS set: wider alphabets, for minutes.
 */
import { hash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import type * as Digest from '../../../../temporal/digest.js';
import { explore, type Found, type Space } from './search/explore.js';
import { MUTANTS } from './search/mutants.js';
import { APPROVED, tagSpace, type Configuration } from './search/spaces.js';
import { pairSpace } from './search/two-tags.js';

// The same SHA-256, by Node and remembered: in pure JavaScript it would be most of the search.
vi.mock('../../../../temporal/digest.js', async (original) => {
  const real = await original<typeof Digest>();
  const known = new Map<string, string>();
  const sha256Hex = (content: string): string => {
    const hex = known.get(content) ?? hash('sha256', content);
    if (content.length < 200) known.set(content, hex);
    return hex;
  };
  const digestOf = (value: unknown): string => `sha256:${sha256Hex(real.canonicalJson(value))}`;
  return { ...real, sha256Hex, digestOf };
});

const PATIENCE_MS = 900_000;

const SPACES: Record<string, Configuration> = {
  'canaries and two late writes': { alphabet: { canary: true, late: 2 } },
  'canaries, quarantines and named targets': {
    alphabet: { canary: true, quarantine: true, anyTarget: true },
  },
  'a queue': { alphabet: { canary: true, queue: true } },
  'candidates that supersede': {
    alphabet: { canary: true, queue: true },
    definition: { whenBusy: 'supersede' },
  },
  'hosts, warm times and quarantines': { alphabet: { hosts: true, quarantine: true } },
  'a shadow beside canaries, with hosts': {
    alphabet: { shadow: true, canary: true, hosts: true, versions: [1, 2] },
  },
  'a shadow of a third version': { alphabet: { shadow: true } },
  approvals: {
    alphabet: { approval: true, canary: true, queue: true, versions: [1, 2] },
    definition: { ...APPROVED, whenBusy: 'supersede' },
  },
  freezes: { alphabet: { freeze: true, canary: true, shadow: true, versions: [1, 2] } },
};

const WIDER: Record<string, Configuration> = {
  'canaries, quarantines and two late writes': {
    alphabet: { canary: true, quarantine: true, anyTarget: true, late: 2 },
  },
  'canaries, quarantines and a queue': {
    alphabet: { canary: true, quarantine: true, anyTarget: true, queue: true },
  },
  'hosts, canaries and quarantines': { alphabet: { hosts: true, canary: true, quarantine: true } },
  'a shadow, canaries and hosts': { alphabet: { shadow: true, canary: true, hosts: true } },
};

const wider = process.env['CAMPAIGN_RUNS'] === undefined ? {} : WIDER;

describe('every state of a tag keeps I1, I3, I4, I5, I6, I7 and I13', () => {
  it.each(Object.entries({ ...SPACES, ...wider }))(
    'with %s',
    (name, configuration) => {
      expect(searched(name, tagSpace(configuration))).toMatchObject({ counterexample: null });
    },
    PATIENCE_MS,
  );

  it(
    'and of two tags that the platform freezes',
    () => {
      expect(searched('two tags', pairSpace())).toMatchObject({ counterexample: null });
    },
    PATIENCE_MS,
  );
});

describe('the search finds what goes wrong without a guard', () => {
  const named = MUTANTS.map((mutant) => [mutant.breaks, mutant.removes, mutant] as const);
  it.each(named)('%s without %s', (breaks, removes, configuration) => {
    const { counterexample } = searched(`without ${removes}`, tagSpace(configuration));
    expect(counterexample?.broken.startsWith(breaks), counterexample?.broken).toBe(true);
  });
});

function searched<World>(name: string, space: Space<World>): Found {
  const began = performance.now();
  const found = explore(space);
  const { states, transitions, depth, counterexample } = found;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const way = counterexample
    ? [`\n  ${counterexample.broken}:`, ...counterexample.steps].join('\n    ')
    : '';
  console.info(
    `${name}: ${String(states)} states, ${String(transitions)} transitions, depth ${String(depth)}, ${seconds} s${way}`,
  );
  return found;
}
