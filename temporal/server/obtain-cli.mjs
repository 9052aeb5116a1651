import { access, chmod, constants, mkdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

import { buildCli } from './build-cli.mjs';
import { inspectCli, MINIMUM_CLI, MINIMUM_SERVER, PINNED_CLI } from './cli-version.mjs';
import { downloadCli } from './download-cli.mjs';
import { setupError } from './setup-error.mjs';

/**
 * @typedef {import('./cli-version.mjs').TemporalCli} TemporalCli
 * @typedef {object} ObtainOptions
 * @property {string} home where what is downloaded or built is kept
 * @property {string} module directory of the go.mod that pins the build
 * @property {(line: string) => void} report
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [downloadService]
 * @property {number} [downloadTimeoutMs]
 */

/**
 * The Temporal CLI: the one TEMPORAL_CLI names, else one on PATH, else one kept from before, else downloaded, else built.
 * @param {ObtainOptions} options
 * @returns {Promise<TemporalCli>}
 */
export async function obtainCli(options) {
  const env = options.env ?? process.env;
  const named = env['TEMPORAL_CLI'];
  if (named) return await namedCli(named, env);
  return (
    (await cliOnPath(options, env)) ??
    (await keptCli(options, env)) ??
    (await fetchedCli(options, env))
  );
}

/**
 * @param {string} path
 * @param {NodeJS.ProcessEnv} env
 */
async function namedCli(path, env) {
  try {
    return await inspectCli(path, env);
  } catch (error) {
    throw setupError(
      `TEMPORAL_CLI does not name a usable Temporal CLI: ${messageOf(error)}. Point it at another one, or unset it.`,
      error,
    );
  }
}

/**
 * @param {ObtainOptions} options
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<TemporalCli | undefined>}
 */
async function cliOnPath(options, env) {
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(directory, 'temporal');
    if (!(await isExecutable(path))) continue;
    try {
      return await inspectCli(path, env);
    } catch (error) {
      options.report(`not using the Temporal CLI on PATH: ${messageOf(error)}`);
    }
  }
  return undefined;
}

/** @param {ObtainOptions} options */
function keptPath(options) {
  return join(options.home, 'temporal', PINNED_CLI, 'temporal');
}

/**
 * @param {ObtainOptions} options
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<TemporalCli | undefined>}
 */
async function keptCli(options, env) {
  const path = keptPath(options);
  if (!(await isExecutable(path))) return undefined;
  try {
    return await inspectCli(path, env);
  } catch (error) {
    options.report(`obtaining the Temporal CLI anew: ${messageOf(error)}`);
    return undefined;
  }
}

/**
 * @param {ObtainOptions} options
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<TemporalCli>}
 */
async function fetchedCli(options, env) {
  const working = join(options.home, 'temporal', `${PINNED_CLI}.partial`);
  const arrived = join(working, 'temporal');
  const ways = [
    { name: 'download', obtain: () => download(options, arrived) },
    { name: 'build from Go modules', obtain: () => build(options, env, arrived) },
  ];
  /** @type {string[]} */
  const failures = [];
  for (const way of ways) {
    await rm(working, { recursive: true, force: true });
    try {
      await way.obtain();
      await chmod(arrived, 0o755);
      await inspectCli(arrived, env);
      await keep(arrived, keptPath(options));
      return await inspectCli(keptPath(options), env);
    } catch (error) {
      failures.push(`${way.name}: ${messageOf(error)}`);
      options.report(`${way.name} of the Temporal CLI failed: ${messageOf(error)}`);
    } finally {
      await rm(working, { recursive: true, force: true });
    }
  }
  throw setupError(noneWorked(failures));
}

/**
 * @param {ObtainOptions} options
 * @param {string} destination
 */
async function download(options, destination) {
  options.report(`downloading the Temporal CLI ${PINNED_CLI}`);
  await downloadCli({
    version: PINNED_CLI,
    destination,
    ...(options.downloadService === undefined ? {} : { service: options.downloadService }),
    ...(options.downloadTimeoutMs === undefined ? {} : { timeoutMs: options.downloadTimeoutMs }),
  });
}

/**
 * @param {ObtainOptions} options
 * @param {NodeJS.ProcessEnv} env
 * @param {string} destination
 */
async function build(options, env, destination) {
  const workDirectory = join(options.home, 'go');
  await buildCli({
    module: options.module,
    destination,
    workDirectory,
    report: options.report,
    env,
  });
}

/**
 * @param {string} arrived
 * @param {string} path
 */
async function keep(arrived, path) {
  await mkdir(dirname(path), { recursive: true });
  await rename(arrived, path);
}

/** @param {readonly string[]} failures */
function noneWorked(failures) {
  return [
    `No Temporal CLI with server ${MINIMUM_SERVER} or newer was found, and none could be obtained:`,
    ...failures.map((failure) => `  - ${failure}`),
    'Do one of these and try again:',
    `  - install the Temporal CLI ${MINIMUM_CLI} or newer (https://docs.temporal.io/cli), on PATH or named by TEMPORAL_CLI`,
    '  - allow the download: https://temporal.download must be reachable from here',
    '  - install Go 1.21 or newer, with a Go module proxy it can reach',
  ].join('\n');
}

/** @param {string} path */
async function isExecutable(path) {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
