import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { runCommand } from './command.mjs';
import { goEnvironment, requireGo } from './go-toolchain.mjs';

const PACKAGE = 'github.com/temporalio/cli/cmd/temporal';

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
