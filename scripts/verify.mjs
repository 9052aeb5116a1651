import { parseArgs } from 'node:util';

import { setupError } from '../temporal/server/setup-error.mjs';
import { build } from './build.mjs';
import { CHECKS, clearResults, passes } from './checks.mjs';
import { prepareFlights } from './flights.mjs';
import { setup } from './setup.mjs';

/**
 * @typedef {import('./checks.mjs').Check} Check
 * @typedef {import('./checks.mjs').Counts} Counts
 * @typedef {import('./setup.mjs').Workplace} Workplace
 */

/** @type {Counts} */
const total = { passed: 0, failed: 0, skipped: 0 };

try {
  const chosen = chosenChecks();
  const place = await setup(['examples', 'dev']);
  await build(place);
  await prepareFlights(place);
  clearResults(place);
  for (const check of chosen) {
    if (!(await runCheck(check, place))) break;
  }
} catch (error) {
  // The machine reads the last line, the person the reason above it.
  console.error(error instanceof Error && error.name === 'SetupError' ? error.message : error);
  total.failed += 1;
}
console.log(
  `${String(total.passed)} passed, ${String(total.failed)} failed, ${String(total.skipped)} skipped`,
);
process.exitCode = total.failed === 0 ? 0 : 1;

/** @returns {readonly Check[]} */
function chosenChecks() {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
  const unknown = values.only?.filter((name) => !CHECKS.some((check) => check.name === name)) ?? [];
  if (unknown.length > 0)
    throw setupError(
      `--only takes ${CHECKS.map((check) => check.name).join(', ')}, not ${unknown.join(', ')}`,
    );
  return values.only === undefined
    ? CHECKS
    : CHECKS.filter((check) => values.only?.includes(check.name));
}

/**
 * @param {Check} check
 * @param {Workplace} place
 */
async function runCheck(check, place) {
  const startedAt = Date.now();
  console.log(`\n== ${check.name}`);
  const ok = await passes(place, check);
  const counts = countsOf(check, place);
  total.passed += counts.passed;
  total.skipped += counts.skipped;
  // A check that failed without a failed test counts as one.
  total.failed += ok ? counts.failed : Math.max(1, counts.failed);
  console.log(
    `== ${check.name}: ${ok ? 'ok' : 'FAILED'} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`,
  );
  return ok && counts.failed === 0;
}

/**
 * @param {Check} check
 * @param {Workplace} place
 * @returns {Counts}
 */
function countsOf(check, place) {
  if (check.counts === undefined) return { passed: 0, failed: 0, skipped: 0 };
  try {
    const counts = check.counts(place);
    if (counts.passed + counts.failed > 0) return counts;
    console.error(`${check.name}: no test ran`);
  } catch (error) {
    console.error(
      `${check.name}: left no readable report: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return { passed: 0, failed: 1, skipped: 0 };
}
