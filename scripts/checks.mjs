import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @typedef {import('./setup.mjs').Workplace} Workplace
 * @typedef {{ name: string, commands: (place: Workplace) => Command[], atOnce?: boolean, counts?: (place: Workplace) => Counts }} Check
 * @typedef {{ command: string, args: string[], cwd?: string, env?: NodeJS.ProcessEnv }} Command
 */

/** Each says with --check whether what it wrote is still what it would write. */
const GENERATORS = ['generate-json-schema.mjs', 'generate-registry-types.mjs'];

/** Of vitest.config.ts. */
const PROJECTS = ['stack', 'parts'];

/** @type {readonly Check[]} */
export const CHECKS = [
  { name: 'types', commands: (place) => [bin(place, 'typescript/bin/tsc', '-p', 'tsconfig.json')] },
  {
    name: 'lint',
    commands: (place) => [bin(place, 'eslint/bin/eslint.js', '.', '--max-warnings', '0')],
  },
  {
    name: 'format',
    commands: (place) => [bin(place, 'prettier/bin/prettier.cjs', '--check', '.')],
  },
  {
    name: 'generated',
    commands: (place) =>
      GENERATORS.map((script) => ({
        command: place.node,
        args: [join(place.root, 'scripts', script), '--check'],
      })),
  },
  { name: 'unused', commands: (place) => [bin(place, 'knip/bin/knip.js')] },
  {
    name: 'package',
    commands: (place) => [
      bin(place, 'publint/src/cli.js', '--strict'),
      bin(place, '@arethetypeswrong/cli/dist/index.js', '--pack', '.', '--profile', 'esm-only'),
    ],
  },
  {
    name: 'python-lint',
    commands: (place) => [
      python(place, 'ruff', 'check', '.'),
      python(place, 'ruff', 'format', '--check', '.'),
    ],
  },
  { name: 'python-types', commands: (place) => [python(place, 'mypy', 'modelyard')] },
  {
    name: 'python-tests',
    commands: (place) => [python(place, 'pytest', '-q', '--junitxml', pytestResults(place))],
    counts: (place) => pytestCounts(readFileSync(pytestResults(place), 'utf8')),
  },
  {
    name: 'control-plane',
    commands: (place) => [
      withTools(place, {
        command: place.node,
        args: [join(place.root, 'scripts', 'control-plane.mjs')],
      }),
    ],
  },
  {
    name: 'tests',
    // The stack's files wait for their servers most of the time, one after the other: the parts' use the core they leave.
    atOnce: true,
    commands: (place) => PROJECTS.map((project) => vitest(place, project)),
    counts: (place) =>
      PROJECTS.map((project) =>
        vitestCounts(JSON.parse(readFileSync(vitestResults(place, project), 'utf8'))),
      ).reduce(sum),
  },
];

/** @param {Workplace} place */
export function clearResults(place) {
  rmSync(resultsDirectory(place), { recursive: true, force: true });
  mkdirSync(resultsDirectory(place), { recursive: true });
}

/**
 * Runs a check's commands one after the other until one fails, or all at once; then the output of all but the last is kept
 * until they end, so that it can be read.
 * @param {Workplace} place
 * @param {Check} check
 * @returns {Promise<boolean>}
 */
export async function passes(place, { commands, atOnce = false }) {
  const all = commands(place);
  if (atOnce) {
    const ended = all.map((command, index) => succeeds(place, command, index < all.length - 1));
    return (await Promise.all(ended)).every((ok) => ok);
  }
  for (const command of all) {
    if (!(await succeeds(place, command))) return false;
  }
  return true;
}

/**
 * @param {Workplace} place
 * @param {Command} command
 * @param {boolean} kept whether its output is shown when it ends and not before
 * @returns {Promise<boolean>}
 */
function succeeds(place, { command, args, cwd = place.root, env = process.env }, kept = false) {
  return new Promise((resolve) => {
    const stdio = kept ? 'pipe' : 'inherit';
    const child = spawn(command, args, { cwd, env, stdio });
    /** @type {Buffer[]} */
    const output = [];
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => output.push(chunk));
    child.once('error', (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

/**
 * The totals of a junit report.
 * @param {string} xml
 * @returns {Counts}
 */
function pytestCounts(xml) {
  const suite = /<testsuite [^>]*>/.exec(xml)?.[0] ?? '';
  /** @param {string} name */
  const number = (name) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const [failed, skipped] = [number('errors') + number('failures'), number('skipped')];
  return { passed: number('tests') - failed - skipped, failed, skipped };
}

/**
 * @param {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, numFailedTestSuites: number }} report
 * @returns {Counts}
 */
function vitestCounts(report) {
  // A file that cannot even be loaded has no failed test in it.
  const failed = report.numFailedTests > 0 ? report.numFailedTests : report.numFailedTestSuites;
  return {
    passed: report.numPassedTests,
    failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * @param {Counts} a
 * @param {Counts} b
 * @returns {Counts}
 */
const sum = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

/**
 * @param {Workplace} place
 * @param {string} project
 * @returns {Command}
 */
function vitest(place, project) {
  return withTools(
    place,
    bin(
      place,
      'vitest/vitest.mjs',
      'run',
      '--project',
      project,
      '--maxWorkers=1',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${vitestResults(place, project)}`,
    ),
  );
}

/**
 * @param {Workplace} place
 * @param {string} script
 * @param {...string} args
 * @returns {Command}
 */
function bin(place, script, ...args) {
  return { command: place.node, args: [join(place.root, 'node_modules', script), ...args] };
}

/**
 * @param {Workplace} place
 * @param {string} module
 * @param {...string} args
 * @returns {Command}
 */
function python(place, module, ...args) {
  return withTools(place, {
    command: place.python,
    args: ['-m', module, ...args],
    cwd: place.harness,
  });
}

/**
 * Tests use the tools of the setup and look for none of their own.
 * @param {Workplace} place
 * @param {Command} command
 * @returns {Command}
 */
export function withTools(place, command) {
  const path = [
    join(place.root, 'node_modules', '.bin'),
    dirname(place.python),
    process.env['PATH'] ?? '',
  ].join(delimiter);
  return {
    ...command,
    env: {
      ...process.env,
      PATH: path,
      TEMPORAL_CLI: place.temporalCli,
      MODELYARD_HOME: place.home,
      MODELYARD_PYTHON: place.python,
    },
  };
}

/** @param {Workplace} place */
function resultsDirectory(place) {
  return join(place.root, '.modelyard', 'results');
}

/** @param {Workplace} place */
function pytestResults(place) {
  return join(resultsDirectory(place), 'pytest.xml');
}

/**
 * @param {Workplace} place
 * @param {string} project
 */
function vitestResults(place, project) {
  return join(resultsDirectory(place), `vitest-${project}.json`);
}
