/** @typedef {(line: string) => void} Report */

/**
 * Runs one step and reports what it found and how long it took.
 * @template T
 * @param {string} name
 * @param {Report} report
 * @param {(report: Report) => Promise<{ value: T, outcome: string }>} step
 * @returns {Promise<T>}
 */
export async function timedStep(name, report, step) {
  const startedAt = Date.now();
  const { value, outcome } = await step((line) => {
    report(`${name}: ${line}`);
  });
  report(`${name}: ${outcome} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  return value;
}
