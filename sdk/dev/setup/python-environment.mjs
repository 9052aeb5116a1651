import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runCommand } from '../../../temporal/server/command.mjs';
import { setupError } from '../../../temporal/server/setup-error.mjs';
import { findInterpreter } from './interpreter.mjs';
import { withLock } from './lock.mjs';
import { timedStep } from './steps.mjs';

/**
 * @typedef {import('./steps.mjs').Report} Report
 * @typedef {'examples' | 'dev'} Extra
 * @typedef {{ python: string, directory: string }} PythonEnvironment
 * @typedef {object} EnvironmentOptions
 * @property {string} home
 * @property {string} harness directory of the requirements files
 * @property {readonly Extra[]} [extras]
 * @property {Report} report
 * @property {NodeJS.ProcessEnv} [env]
 */

const UV = 'uv==0.13.8';
const READY_MARK = '.ready';

/**
 * An environment that holds the pinned requirements, made once for their content and the Python version. Extras are
 * installed into the same one, together with the base, so that they cannot move a pinned version.
 * @param {EnvironmentOptions} options
 * @returns {Promise<PythonEnvironment>}
 */
export async function ensurePythonEnvironment(options) {
  const { home, harness, extras = [], report, env = process.env } = options;
  return await timedStep('Python environment', report, async (say) => {
    const interpreter = await findInterpreter(env);
    const wanted = await requirementDigests(harness, extras);
    const base = wanted.get('requirements.txt') ?? '';
    const directory = join(home, 'python', `${interpreter.version}-${base.slice(0, 16)}`);
    const value = { python: join(directory, 'bin', 'python'), directory };
    const lock = join(home, 'locks', 'python-environment');
    if (await holds(directory, wanted)) return { value, outcome: `ready, ${directory}` };
    return await withLock(
      lock,
      async () => {
        if (await holds(directory, wanted))
          return { value, outcome: `made by another process, ${directory}` };
        await install({ directory, harness, wanted, interpreter: interpreter.command, say, env });
        return { value, outcome: `installed, ${directory}` };
      },
      {
        onWait: () => {
          say('waiting for another process that makes it');
        },
      },
    );
  });
}

/**
 * Digests by file name, the base first.
 * @param {string} harness
 * @param {readonly Extra[]} extras
 * @returns {Promise<Map<string, string>>}
 */
async function requirementDigests(harness, extras) {
  const names = ['requirements.txt', ...extras.map((extra) => `requirements-${extra}.txt`)];
  /** @type {Map<string, string>} */
  const digests = new Map();
  for (const name of names) {
    const path = join(harness, name);
    if (!existsSync(path))
      throw setupError(
        `${path} is missing: the pinned requirements belong to the package. Reinstall it, or use a complete checkout.`,
      );
    digests.set(
      name,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
  }
  return digests;
}

/**
 * @param {string} directory
 * @param {ReadonlyMap<string, string>} wanted
 */
async function holds(directory, wanted) {
  const installed = await readMark(directory);
  return [...wanted].every(([name, digest]) => installed[name] === digest);
}

/**
 * @param {string} directory
 * @returns {Promise<Record<string, string>>}
 */
async function readMark(directory) {
  try {
    return JSON.parse(await readFile(join(directory, READY_MARK), 'utf8'));
  } catch {
    return {};
  }
}

/**
 * @typedef {object} Installation
 * @property {string} directory
 * @property {string} harness
 * @property {ReadonlyMap<string, string>} wanted
 * @property {string} interpreter
 * @property {Report} say
 * @property {NodeJS.ProcessEnv} env
 */

/** @param {Installation} installation */
async function install({ directory, harness, wanted, interpreter, say, env }) {
  const before = await readMark(directory);
  const python = join(directory, 'bin', 'python');
  if (before['requirements.txt'] === undefined) {
    // Without its mark it is what an interrupted installation left.
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    say('making a virtual environment');
    await explained(
      'make a virtual environment',
      runCommand(interpreter, ['-m', 'venv', directory], { env }),
    );
  }
  const files = [...wanted.keys()].flatMap((name) => ['-r', join(harness, name)]);
  const names = [...wanted.keys()].join(', ');
  await explained(`install ${names}`, installFiles({ directory, python, files, names, say, env }));
  await writeFile(
    join(directory, `${READY_MARK}.new`),
    JSON.stringify({ ...before, ...Object.fromEntries(wanted) }),
  );
  await rename(join(directory, `${READY_MARK}.new`), join(directory, READY_MARK));
}

/** @param {{ directory: string, python: string, files: string[], names: string, say: Report, env: NodeJS.ProcessEnv }} options */
async function installFiles({ directory, python, files, names, say, env }) {
  const uv = join(directory, 'bin', 'uv');
  /** @param {number} seconds */
  const progress = (seconds) => {
    say(`still installing ${names} (${String(seconds)} s)`);
  };
  try {
    if (!existsSync(uv))
      await runCommand(python, ['-m', 'pip', 'install', '--quiet', UV], { env, progress });
    say(`installing ${names}`);
    // Compiled now, once, instead of by every job that starts.
    await runCommand(uv, ['pip', 'install', '--compile-bytecode', '--python', python, ...files], {
      env: uvEnvironment(env),
      progress,
    });
  } catch (error) {
    say(
      `uv did not succeed, using pip: ${error instanceof Error ? error.message.slice(-500) : String(error)}`,
    );
    await runCommand(python, ['-m', 'pip', 'install', ...files], { env, progress });
  }
}

/** pip's settings for indexes and certificates, in uv's names. */
const UV_SETTINGS = [
  ['PIP_INDEX_URL', 'UV_DEFAULT_INDEX'],
  ['PIP_EXTRA_INDEX_URL', 'UV_INDEX'],
  ['PIP_FIND_LINKS', 'UV_FIND_LINKS'],
  ['PIP_CERT', 'SSL_CERT_FILE'],
];

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function uvEnvironment(env) {
  const given = UV_SETTINGS.flatMap(([pip = '', uv = '']) =>
    env[pip] && !env[uv] ? [[uv, env[pip]]] : [],
  );
  return { ...env, VIRTUAL_ENV: undefined, ...Object.fromEntries(given) };
}

/**
 * @param {string} what
 * @param {Promise<unknown>} work
 */
async function explained(what, work) {
  try {
    await work;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw setupError(
      `Could not ${what}: ${reason}\nCheck that a Python package index is reachable (pip's settings are used) and that the disk has 2 GB free, and try again.`,
      error,
    );
  }
}
