import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { build } from './build.mjs';
import { prepareFlights } from './flights.mjs';
import { fail, setup } from './setup.mjs';

try {
  const place = await setup(['examples']);
  await build(place);
  await prepareFlights(place);
  await run(place.node, [
    join(place.root, 'examples', 'flights', 'demo.ts'),
    ...process.argv.slice(2),
  ]);
} catch (error) {
  fail(error);
}

/**
 * The terminal's Ctrl-C reaches the demo by itself; this process waits for it and ends as it did.
 * @param {string} node
 * @param {readonly string[]} args
 * @returns {Promise<void>}
 */
function run(node, args) {
  const demo = spawn(node, args, { stdio: 'inherit' });
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => {
    demo.kill('SIGTERM');
  });
  return new Promise((resolve) => {
    demo.once('close', (code) => {
      process.exitCode = code ?? 1;
      resolve();
    });
  });
}
