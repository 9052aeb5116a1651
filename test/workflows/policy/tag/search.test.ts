import { hash } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import type * as Digest from '../../../../temporal/digest.js';
import { Driven } from './tags.js';
import { keyOf } from './search/canonical.js';
import { explore } from './search/explore.js';
import { brokenBy } from './search/invariants.js';
import { moves, type Alphabet } from './search/moves.js';
import { AT, begun, REAL } from './search/world.js';

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

const BASE: Alphabet = { versions: [1, 2, 3], canary: false, anyTarget: false, quarantine: false, queue: false, hosts: false, shadow: false, approval: false, freeze: false, late: 1 };

const CONFIGS: Record<string, [Partial<Alphabet>, object]> = {
  traffic2: [{ canary: true, quarantine: true, anyTarget: true, late: 2 }, {}],
  trafficq: [{ canary: true, quarantine: true, anyTarget: true, queue: true }, {}],
  hosts: [{ hosts: true, canary: true, quarantine: true }, {}],
  shadow: [{ shadow: true, canary: true, hosts: true }, {}],
  approval: [{ approval: true, canary: true, queue: true, versions: [1, 2] }, { approval: 1, whenBusy: 'supersede' }],
  freeze: [{ freeze: true, canary: true, queue: true, shadow: true, versions: [1, 2] }, {}],
};

it.each(Object.entries(CONFIGS))('%s', (name, [over, def]) => {
  const alphabet = { ...BASE, ...over };
  const started = performance.now();
  const tag = new Driven('approval' in def ? { gate: { metrics: [{ name: 'auc', direction: 'higher', minImprovement: 0 }], approval: { required: 1 } } } : def);
  const found = explore({
    start: begun(tag.state),
    moves: (world) => moves(world, alphabet, REAL),
    key: (world) => keyOf(world, alphabet),
    broken: (before, after) => brokenBy({ before, after, at: AT, retirable: REAL.retirable }),
  });
  console.log(name, Math.round(performance.now() - started), JSON.stringify(found));
  expect(found.counterexample).toBeNull();
}, 120_000);
