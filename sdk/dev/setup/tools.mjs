import { join } from 'node:path';

import { obtainCli } from '../../../temporal/server/obtain-cli.mjs';
import { harnessDirectory, modelyardHome, packageRoot } from './locations.mjs';
import { withLock } from './lock.mjs';
import { ensurePythonEnvironment } from './python-environment.mjs';
import { timedStep } from './steps.mjs';

/**
 * @typedef {import('./steps.mjs').Report} Report
 * @typedef {{ home: string, temporalCli: string, python: string, harness: string }} Tools
 */

/**
 * @typedef {object} ObtainToolsOptions
 * @property {Report} report
 * @property {readonly import('./python-environment.mjs').Extra[]} [extras]
 * @property {NodeJS.ProcessEnv} [env]
 */

/**
 * Everything a stack needs beside Node, obtained once and kept.
 * @param {ObtainToolsOptions} options
 * @returns {Promise<Tools>}
 */
export async function obtainTools({ report, extras = [], env = process.env }) {
  const root = packageRoot();
  const home = modelyardHome(env, root);
  const harness = harnessDirectory(root);
  const temporalCli = await obtainTemporalCli({ report, env });
  const { python } = await ensurePythonEnvironment({ home, harness, extras, report, env });
  return { home, temporalCli, python, harness };
}

/**
 * @param {{ report: Report, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} its path
 */
export async function obtainTemporalCli({ report, env = process.env }) {
  const root = packageRoot();
  const home = modelyardHome(env, root);
  const module = join(root, 'temporal', 'server', 'cli');
  const cli = await timedStep('Temporal CLI', report, async (say) => {
    const value = await withLock(
      join(home, 'locks', 'temporal-cli'),
      () => obtainCli({ home, module, report: say, env }),
      {
        onWait: () => {
          say('waiting for another process that obtains it');
        },
      },
    );
    return { value, outcome: `ready, ${value.path} (server ${value.server})` };
  });
  return cli.path;
}
