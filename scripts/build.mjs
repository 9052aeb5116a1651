import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { packageRoot } from '../sdk/dev/setup/locations.mjs';
import { timedStep } from '../sdk/dev/setup/steps.mjs';
import { setupError } from '../temporal/server/setup-error.mjs';
import { ensureNode } from './node-packages.mjs';
import { fail } from './setup.mjs';

const SOURCES = ['temporal', 'workflows', 'activities', 'gateway', 'workers', 'sdk', 'testing'];
const SETTINGS = [
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.mjs',
  'scripts/bundle-workflows.mjs',
];

/**
 * Compiles the package to dist/ and bundles its workflows, unless dist/ is of these sources already.
 * @param {{ root: string, node: string }} workplace
 */
export async function build({ root, node }) {
  /** @param {string} line */
  const report = (line) => {
    console.log(line);
  };
  await timedStep('Build', report, async () => {
    const mark = join(root, 'dist', '.built');
    const files = [...SETTINGS, ...SOURCES.flatMap((directory) => sourcesBelow(root, directory))];
    const wanted = { files: files.length, digest: digestOf(root, files) };
    const last = readMark(mark);
    if (last.digest === wanted.digest) return { value: undefined, outcome: 'up to date' };
    // The compiler leaves what a removed source once became.
    if (last.files !== wanted.files) rmSync(join(root, 'dist'), { recursive: true, force: true });
    run(node, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], root);
    for (const entry of entryTypes(root)) nameDisposable(entry);
    run(node, ['scripts/bundle-workflows.mjs'], root);
    writeFileSync(mark, JSON.stringify(wanted));
    return { value: undefined, outcome: 'done' };
  });
}

/**
 * The declarations that package.json's exports name.
 * @param {string} root
 * @returns {string[]}
 */
function entryTypes(root) {
  /** @type {{ exports: Record<string, string | { types: string }> }} */
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [join(root, entry.types)],
  );
}

/**
 * A user's compiler needs the library for `await using`; TypeScript drops the reference when it emits.
 * @param {string} file
 */
function nameDisposable(file) {
  const reference = '/// <reference lib="esnext.disposable" />\n';
  const text = readFileSync(file, 'utf8').replace(
    /^(\/\/\/ <reference lib="esnext\.disposable".*\n)+/,
    '',
  );
  writeFileSync(file, reference + text);
}

/**
 * @param {string} root
 * @param {string} directory
 * @returns {string[]}
 */
function sourcesBelow(root, directory) {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs|js|json)$/.test(name) && !name.startsWith('python'))
    .map((name) => join(directory, name))
    .sort();
}

/**
 * @param {string} root
 * @param {readonly string[]} files
 */
function digestOf(root, files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const path = join(root, file);
    if (statSync(path).isFile()) hash.update(file).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/**
 * @param {string} mark
 * @returns {{ files?: number, digest?: string }}
 */
function readMark(mark) {
  return existsSync(mark) ? JSON.parse(readFileSync(mark, 'utf8')) : {};
}

/**
 * @param {string} node
 * @param {readonly string[]} args
 * @param {string} root
 */
function run(node, args, root) {
  const { status } = spawnSync(node, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw setupError(`${args.join(' ')} failed; its output is above.`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = packageRoot();
  try {
    const { value: node } = await ensureNode(root, console.log);
    await build({ root, node });
  } catch (error) {
    fail(error);
  }
}
