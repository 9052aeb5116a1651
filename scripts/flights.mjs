import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { timedStep } from '../sdk/dev/setup/steps.mjs';
import { setupError } from '../temporal/server/setup-error.mjs';

/**
 * Writes the year of flights that the examples train on, unless it is there already.
 * @param {{ root: string, python: string }} place
 */
export async function prepareFlights({ root, python }) {
  const folder = join(root, 'examples', 'flights');
  /** @param {string} line */
  const report = (line) => {
    console.log(line);
  };
  await timedStep('Flights', report, () => {
    const args = [join(folder, 'prepare.py'), join(folder, 'data', 'flights.parquet')];
    const { status, stdout, stderr } = spawnSync(python, args, { encoding: 'utf8' });
    if (status !== 0) throw setupError(`The flights could not be prepared:\n${stderr}`);
    return Promise.resolve({ value: undefined, outcome: stdout.trim() });
  });
}
