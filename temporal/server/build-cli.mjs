import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { runCommand } from './command.mjs';

const PACKAGE = 'github.com/temporalio/cli/cmd/temporal';

/** From this version on, Go fetches the toolchain that go.mod asks for by itself. */
const FIRST_SELF_UPDATING_GO = [1, 21];

/**
 * @typedef {object} BuildOptions
 * @property {string} module directory of the go.mod and go.sum that pin the build
 * @property {string} destination the executable's future path
 * @property {string} workDirectory for Go's caches, unless the environment names others; removed after a success
 * @property {(line: string) => void} report
 * @property {NodeJS.ProcessEnv} [env]
 */

/**
 * @param {BuildOptions} options
 * @returns {Promise<void>}
 */
export async function buildCli({ module, destination, workDirectory, report, env = process.env }) {
  await requireGo(env);
  await mkdir(workDirectory, { recursive: true });
  await mkdir(dirname(destination), { recursive: true });
  report(`building the Temporal CLI from Go modules, about four minutes the first time`);
  await runCommand(
    'go',
    [
      'build',
      '-mod=readonly',
      '-modcacherw',
      '-trimpath',
      '-ldflags=-s -w',
      '-o',
      destination,
      PACKAGE,
    ],
    {
      cwd: module,
      env: goEnvironment(env, workDirectory),
      progress: (seconds) => {
        report(`still building the Temporal CLI (${String(seconds)} s)`);
      },
    },
  );
  await rm(workDirectory, { recursive: true, force: true });
}

/** @param {NodeJS.ProcessEnv} env */
async function requireGo(env) {
  const output = await runCommand('go', ['env', 'GOVERSION'], { timeoutMs: 20_000, env });
  const [major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(output) ?? []).slice(1).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = FIRST_SELF_UPDATING_GO;
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
    throw new Error(
      `Go ${FIRST_SELF_UPDATING_GO.join('.')} or newer is needed, found ${output.trim()}`,
    );
  }
}

/**
 * Go refuses to build without a home directory or named caches, so it is always given some.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} workDirectory
 * @returns {NodeJS.ProcessEnv}
 */
function goEnvironment(env, workDirectory) {
  return {
    GOPATH: join(workDirectory, 'path'),
    GOMODCACHE: join(workDirectory, 'modules'),
    GOCACHE: join(workDirectory, 'cache'),
    GOTOOLCHAIN: 'auto',
    ...env,
    CGO_ENABLED: '0',
    GOWORK: 'off',
  };
}
