import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { setupError } from '../temporal/server/setup-error.mjs';
import { passes, withTools } from './checks.mjs';
import { fail, setup } from './setup.mjs';

/**
 * @typedef {import('./setup.mjs').Workplace} Workplace
 * @typedef {{ files: string, env: Record<string, string> }} Campaign
 */

const REPORT = join('docs', 'crash-sweep.md');

/**
 * What `npm test` tries a little of, in full: the same tests, told to go on for longer.
 * @type {Readonly<Record<string, Campaign>>}
 */
const CAMPAIGNS = {
  races: { files: 'test/workflows/races.test.ts', env: { MODELYARD_RACE_ROUNDS: '10' } },
  crashes: { files: 'test/workflows/crashes.test.ts', env: { MODELYARD_CRASH_POINTS: 'all' } },
  search: { files: 'test/workflows/policy/tag/', env: { CAMPAIGN_RUNS: '1000000' } },
};

try {
  const { seed, chosen, write } = asked();
  const place = await setup([]);
  console.log(`seed ${String(seed)}: ${chosen.join(', ')}`);
  for (const name of chosen) {
    const report = name === 'crashes' && write ? { MODELYARD_CRASH_REPORT: REPORT } : {};
    if (!(await ran(place, name, { ...seeds(seed), ...report }))) process.exitCode = 1;
  }
  if (write) await formatted(place);
} catch (error) {
  fail(error);
}

function asked() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      only: { type: 'string', multiple: true },
      write: { type: 'boolean', default: false },
    },
  });
  const names = Object.keys(CAMPAIGNS);
  const unknown = values.only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0)
    throw setupError(`--only takes ${names.join(', ')}, not ${unknown.join(', ')}`);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw setupError(`--seed takes a whole number from 0 on, not ${values.seed}`);
  return { seed, chosen: values.only ?? names, write: values.write };
}

/** @param {number} seed */
function seeds(seed) {
  return { MODELYARD_SEED: String(seed), CAMPAIGN_SEED: String(seed) };
}

/**
 * @param {Workplace} place
 * @param {string} name
 * @param {Record<string, string>} env
 */
function ran(place, name, env) {
  const campaign = CAMPAIGNS[name];
  if (campaign === undefined) return Promise.resolve(false);
  const vitest = join(place.root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', 'parts', campaign.files];
  const { env: tools = {}, ...command } = withTools(place, { command: place.node, args });
  const all = { ...tools, ...campaign.env, ...env };
  return passes(place, { name, commands: () => [{ ...command, env: all }] });
}

/** @param {Workplace} place */
function formatted(place) {
  const prettier = join(place.root, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
  const command = { command: place.node, args: [prettier, '--write', REPORT] };
  return passes(place, { name: 'format', commands: () => [command] });
}
