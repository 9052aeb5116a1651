import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

import { packageRoot } from '../sdk/dev/setup/locations.mjs';
import { timedStep } from '../sdk/dev/setup/steps.mjs';
import { obtainTools } from '../sdk/dev/setup/tools.mjs';
import { ensureNode, ensureNodePackages } from './node-packages.mjs';

/**
 * @typedef {import('../sdk/dev/setup/tools.mjs').Tools} Tools
 * @typedef {import('../sdk/dev/setup/python-environment.mjs').Extra} Extra
 * @typedef {Tools & { root: string, node: string }} Workplace
 */

/**
 * Everything a checkout needs, on a machine with Node 20, Python 3.10 and git. What is there already is left alone.
 * @param {readonly Extra[]} extras
 * @returns {Promise<Workplace>}
 */
export async function setup(extras) {
  const root = packageRoot();
  /** @param {string} line */
  const report = (line) => {
    console.log(line);
  };
  await timedStep('npm packages', report, (say) => ensureNodePackages(root, say));
  const node = await timedStep('Node', report, (say) => ensureNode(root, say));
  const tools = await obtainTools({ report, extras });
  return { ...tools, root, node };
}

/**
 * Ends the program with the message alone when that says what to do.
 * @param {unknown} error
 * @returns {never}
 */
export function fail(error) {
  const explained = error instanceof Error && error.name === 'SetupError';
  console.error(explained ? error.message : error);
  process.exit(1);
}

/**
 * @param {string} list
 * @returns {Extra[]}
 */
function parseExtras(list) {
  return list
    .split(',')
    .filter(Boolean)
    .map((extra) => {
      if (extra === 'examples' || extra === 'dev') return extra;
      throw Object.assign(
        new Error(`--python-extras takes examples and dev, separated by a comma, not ${extra}`),
        { name: 'SetupError' },
      );
    });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { 'python-extras': { type: 'string', default: '' } } });
  try {
    await setup(parseExtras(values['python-extras']));
  } catch (error) {
    fail(error);
  }
}
