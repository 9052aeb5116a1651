import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own directory, from the sources as well as from the compiled files. */
export function packageRoot() {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!isPackage(directory)) {
    const parent = dirname(directory);
    if (parent === directory)
      throw new Error(`no package.json of modelyard above ${fileURLToPath(import.meta.url)}`);
    directory = parent;
  }
  return directory;
}

/**
 * Where tools and environments are kept, shared by all stacks of a user.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [root]
 */
export function modelyardHome(env = process.env, root = packageRoot()) {
  const named = env['MODELYARD_HOME'];
  if (named) return resolve(named);
  if (existsSync(join(root, '.git')) && isWritable(root)) return join(root, '.modelyard', 'tools');
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'modelyard');
}

/** Directory that holds the Python package of the job harness and its pinned requirements. */
export function harnessDirectory(root = packageRoot()) {
  return join(root, 'sdk', 'python');
}

/** @param {string} directory */
function isPackage(directory) {
  const file = join(directory, 'package.json');
  if (!existsSync(file)) return false;
  /** @type {unknown} */
  const content = JSON.parse(readFileSync(file, 'utf8'));
  return (
    typeof content === 'object' &&
    content !== null &&
    'name' in content &&
    content.name === 'modelyard'
  );
}

/** @param {string} directory */
function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
