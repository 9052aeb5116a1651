import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../stack/support/random.js';
import { CrashLane } from './support/crash-lane.js';
import { reportOf } from './support/crash-report.js';
import {
  casesOf,
  sweep,
  undisturbed,
  type CrashCase,
  type Undisturbed,
} from './support/crash-sweep.js';
import { bundleForProcesses } from './support/worker-processes.js';

// The campaign plays every point, and writes what came of it; `npm test` plays a few that the seed chooses.
const SEED = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
const POINTS = process.env['MODELYARD_CRASH_POINTS'] === 'all' ? Infinity : 8;
const LANES = Number(process.env['MODELYARD_CRASH_LANES'] ?? 4);
const REPORT = process.env['MODELYARD_CRASH_REPORT'];

let bundle: Awaited<ReturnType<typeof bundleForProcesses>>;
const lanes: CrashLane[] = [];
let plays: Undisturbed;
beforeAll(async () => {
  bundle = await bundleForProcesses();
  const open = async () => lanes.push(await CrashLane.open(bundle.path));
  await Promise.all(Array.from({ length: LANES }, open));
  plays = await undisturbed(lanes);
}, 600_000);
afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  await bundle[Symbol.asyncDispose]();
});

function chosen(): CrashCase[] {
  const random = seededRandom(SEED);
  return casesOf(plays)
    .map((of) => ({ of, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ of }) => of)
    .slice(0, POINTS);
}

describe('a worker that dies', () => {
  it(
    'F1 F2 at any activity or workflow task: the next one comes to the same, and what was done counts once',
    { timeout: 7_200_000 },
    async () => {
      const cases = chosen();
      const names = cases.map(({ scenario, point }) => `${scenario} ${point}`);
      console.log(`MODELYARD_SEED=${String(SEED)}: a worker dies at ${names.join(', ')}`);
      const outcomes = await sweep(lanes, plays, cases);
      if (REPORT !== undefined) await writeFile(REPORT, reportOf(plays, outcomes));
      expect(outcomes.filter(({ differs }) => differs.length > 0)).toEqual([]);
      const deaths = outcomes.flatMap(({ death }) => death ?? []);
      expect(new Set(deaths)).toEqual(new Set(['SIGKILL']));
      expect(deaths.length).toBeGreaterThan(outcomes.length / 2);
    },
  );

  it('is nothing that an undisturbed run meets', () => {
    for (const { death, effects } of Object.values(plays)) {
      expect(death).toBeNull();
      expect(effects).toMatchObject({ chain: { ok: true }, open: null });
    }
    expect(plays.retrain.effects).toMatchObject({
      result: { decision: 'promoted', outcome: 'promoted' },
      ...{ jobs: ['train', 'evaluate'], versions: [1], runs: [['FINISHED', 'promoted']] },
      ...{ routes: ['fence 1 tag/1 '], hosts: ['tag/1'] },
    });
    expect(plays.rollout.effects.routes).toEqual([
      ...['fence 1 tag/1 ', 'fence 2 tag/1 50', 'fence 3 tag/2 '],
    ]);
    expect(plays.rollback.effects.ledger.at(-1)).toBe('rollback tag/2 tag/1 applied');
  });
});
