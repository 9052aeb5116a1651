import { runCommand } from './command.mjs';

/** The build that is downloaded or compiled when the machine has none. */
export const PINNED_CLI = '1.8.2';

/** Older servers lack update-with-start deduplication across runs, priorities and the deployment calls used here. */
export const MINIMUM_SERVER = '1.29.1';
export const MINIMUM_CLI = '1.5.1';

/** @typedef {{ path: string, server: string }} TemporalCli */

/**
 * Asks an executable for the version of the server inside; throws when it is no Temporal CLI or too old.
 * @param {string} path
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<TemporalCli>}
 */
export async function inspectCli(path, env = process.env) {
  const output = await runCommand(path, ['--version'], { timeoutMs: 20_000, env });
  const server = /\(Server (\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (server === undefined)
    throw new Error(`${path} --version names no server version: ${output.trim().slice(0, 200)}`);
  if (compareVersions(server, MINIMUM_SERVER) < 0) {
    throw new Error(
      `${path} has server ${server}; ${MINIMUM_SERVER} (CLI ${MINIMUM_CLI}) or newer is needed`,
    );
  }
  return { path, server };
}

/**
 * @param {string} left
 * @param {string} right
 */
export function compareVersions(left, right) {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number));
  for (let place = 0; place < 3; place += 1) {
    const difference = (a?.[place] ?? 0) - (b?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
