/**
 * Long lives of a tag by chance: many versions, instants, definitions and writes that come late in any number.
 * CAMPAIGN_RUNS: how many; CAMPAIGN_SEED: the seed that a failure names.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { migrated } from '../../../../workflows/policy/tag/logic.js';
import { firstSchemaState } from './recorded.js';
import { KINDS, lived } from './search/campaign.js';
import { Driven } from './tags.js';

const RUNS = Number(process.env['CAMPAIGN_RUNS'] ?? '10000');
const SEED = process.env['CAMPAIGN_SEED'];
const PATIENCE_MS = 60_000 + RUNS * 50;

const event = fc.record({
  // What moves a rollout on comes more often, or hardly any would get anywhere.
  kind: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...KINDS) },
    { weight: 2, arbitrary: fc.constantFrom('begin', 'commit', 'arrive', 'confirm', 'approve') },
  ),
  version: fc.integer({ min: 1, max: 12 }),
  choice: fc.nat({ max: 60 }),
  minutes: fc.constantFrom(0, 1, 10, 60, 600),
});
const lives = fc.array(event, { minLength: 1, maxLength: 80, size: 'max' });
const chances = (share: number) => ({
  numRuns: Math.ceil(RUNS * share),
  ...(SEED !== undefined && { seed: Number(SEED) }),
});

describe('whatever happens to a tag, I1, I3, I4, I5, I6, I7 and I13 hold', () => {
  it(
    'from its first definition on',
    () => {
      const { state } = new Driven();
      const holds = fc.property(lives, (events) => {
        expect(lived(state, events)).toBeNull();
      });
      fc.assert(holds, chances(0.9));
    },
    PATIENCE_MS,
  );

  it(
    'from a state of the first schema on, after it continued as new',
    () => {
      const state = { ...migrated(firstSchemaState()), logic: 2 as const };
      const holds = fc.property(lives, (events) => {
        expect(lived(state, events)).toBeNull();
      });
      fc.assert(holds, chances(0.1));
    },
    PATIENCE_MS,
  );
});
