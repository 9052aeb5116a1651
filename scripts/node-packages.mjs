import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand } from '../temporal/server/command.mjs';
import { compareVersions } from '../temporal/server/cli-version.mjs';
import { setupError } from '../temporal/server/setup-error.mjs';

/** The examples and scripts are TypeScript that Node itself runs, which older releases cannot. */
const MINIMUM_NODE = '22.19.0';

/** @typedef {(line: string) => void} Report */

/**
 * Runs `npm ci` unless what is installed is what package-lock.json asks for.
 * @param {string} root
 * @param {Report} report
 */
export async function ensureNodePackages(root, report) {
  if (isInstalled(root)) return { value: undefined, outcome: 'ready' };
  report('npm ci');
  const [command, ...args] = npmCommand();
  /** @param {number} seconds */
  const progress = (seconds) => {
    report(`still installing (${String(seconds)} s)`);
  };
  try {
    await runCommand(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      progress,
    });
  } catch (error) {
    throw setupError(`The npm packages could not be installed: ${beforeUsage(error)}`, error);
  }
  return { value: undefined, outcome: 'installed' };
}

/**
 * npm ends its complaints with a page on how to call it.
 * @param {unknown} error
 */
function beforeUsage(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .split('\n')
    .filter((line) => !/^\s+at /.test(line))
    .join('\n')
    .split('npm error Clean install a project')[0]
    ?.trim();
}

/** @returns {[string, ...string[]]} */
function npmCommand() {
  const script = process.env['npm_execpath'];
  return script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
}

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }} LockEntry
 * @param {string} root
 */
function isInstalled(root) {
  const installed = lockEntries(join(root, 'node_modules', '.package-lock.json'));
  const wanted = lockEntries(join(root, 'package-lock.json'));
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    const found = installed[path];
    // Optional packages are those of other platforms.
    if (found === undefined)
      return path === '' || entry.optional === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/**
 * @param {string} path
 * @returns {Record<string, LockEntry> | undefined}
 */
function lockEntries(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

/**
 * The Node that runs everything after the setup: the one among the development dependencies, or this one where it is new enough.
 * @param {string} root
 * @param {Report} report
 * @returns {Promise<{ value: string, outcome: string }>}
 */
export async function ensureNode(root, report) {
  const path = join(root, 'node_modules', '.bin', 'node');
  let version = await versionOf(path);
  if (version === undefined) {
    report('fetching the binary, which the installation left out (install scripts are off)');
    version = await fetchBinary(root).then(
      () => versionOf(path),
      () => undefined,
    );
  }
  if (version !== undefined) return { value: path, outcome: `ready, ${version}` };
  if (compareVersions(process.versions.node, MINIMUM_NODE) >= 0) {
    return {
      value: process.execPath,
      outcome: `using ${process.execPath}, ${process.versions.node}`,
    };
  }
  throw setupError(
    `Node ${MINIMUM_NODE} or newer is needed to build and run; this is ${process.versions.node}, and the npm package "node" has no binary. ` +
      'Run npm rebuild node with install scripts allowed, or install a newer Node.',
  );
}

/** @param {string} path */
async function versionOf(path) {
  try {
    const version = (await runCommand(path, ['--version'], { timeoutMs: 20_000 }))
      .trim()
      .replace(/^v/, '');
    return compareVersions(version, MINIMUM_NODE) >= 0 ? version : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the package's install script does, for installations that run none.
 * @param {string} root
 */
async function fetchBinary(root) {
  const directory = join(root, 'node_modules', 'node');
  await runCommand(process.execPath, ['installArchSpecificPackage.js'], {
    cwd: directory,
    timeoutMs: 300_000,
  });
  const link = join(root, 'node_modules', '.bin', 'node');
  // npm makes no link to a file that is not there yet.
  if (!existsSync(link)) symlinkSync(join('..', 'node', 'bin', 'node'), link);
}
