import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../stack/support/random.js';
import { CrashLane } from './support/crash-lane.js';
import { reportOf } from './support/crash-report.js';
import { SCENARIOS, shadowFor, type ScenarioName } from './support/crash-scenarios.js';
import {
  casesOf,
  eachIn,
  sweep,
  undisturbed,
  type CrashCase,
  type Undisturbed,
} from './support/crash-sweep.js';
import { bundleForProcesses } from './support/worker-processes.js';

// The campaign plays every point, and writes what came of it; `npm test` plays a few that the seed chooses.
const SEED = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
const ALL = process.env['MODELYARD_CRASH_POINTS'] === 'all';
/** A shadow takes as long as two of the others. */
const FEW: Readonly<Record<ScenarioName, number>> = {
  shadow: 1,
  retrain: 2,
  rollout: 2,
  rollback: 2,
};
const LANES = Number(process.env['MODELYARD_CRASH_LANES'] ?? 4);
/** A worker that dies over an activity is followed after eight seconds. */
const SHORT = '6s';
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
  const shuffled = casesOf(plays)
    .map((of) => ({ of, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ of }) => of);
  return (Object.keys(SCENARIOS) as ScenarioName[]).flatMap((name) =>
    shuffled.filter(({ scenario }) => scenario === name).slice(0, ALL ? Infinity : FEW[name]),
  );
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

  it(
    'C5 I13 F26 over the beginning of a shadow window that ends meanwhile: one report comes of it, and nothing stays',
    { timeout: 480_000 },
    async () => {
      const ends = await eachIn(
        lanes,
        ['beginShadow:1:before', 'beginShadow:1:after'],
        async (lane, point) => [point, await lane.play(shadowFor(SHORT), point)] as const,
      );
      expect(ends.map(([, { death }]) => death)).toEqual(['SIGKILL', 'SIGKILL']);
      const came = new Map(ends.map(([point, { effects }]) => [point, effects]));
      for (const effects of came.values())
        expect(effects).toMatchObject({
          ...{ chain: { ok: true }, open: null, hosts: ['tag/1'], runs: [['FINISHED', null]] },
          records: [['end 1', 'shadow/policy.json 1', 'shadow/report.json 1']],
          result: { routeRestored: true, routeAsBefore: true },
        });
      const { result, ledger, routes } = plays.shadow.effects;
      expect(came.get('beginShadow:1:before')).toMatchObject({
        result: { verdict: 'inconclusive', bookings: [[2, 'done']], pairs: 0 },
        ...{ jobs: [], ledger: ledger.slice(0, -2), routes: routes.slice(0, 1) },
      });
      expect(came.get('beginShadow:1:after')).toMatchObject({ result, ledger, routes });
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
    expect(plays.shadow.effects).toMatchObject({
      result: { verdict: 'passed', routeRestored: true, routeAsBefore: true, pairs: 1 },
      ...{ jobs: ['shadow'], hosts: ['tag/1'], runs: [['FINISHED', null]] },
      records: [['end 1', 'shadow/policy.json 1', 'shadow/report.json 1']],
      routes: ['fence 1 tag/1 ', 'fence 2 tag/1  tag/2', 'fence 3 tag/1 '],
    });
    expect(plays.shadow.effects.result).toMatchObject({ bookings: [[2, 'done']] });
    expect(plays.shadow.effects.ledger.slice(-2)).toEqual([
      ...['shadow-start tag/1 tag/2 applied', 'shadow-end tag/2 tag/1 applied'],
    ]);
    expect(plays.rollback.effects.ledger.at(-1)).toBe('rollback tag/2 tag/1 applied');
  });
});
