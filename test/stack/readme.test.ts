import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeBelow } from '../support/markdown.js';
import { environmentOf } from './support/environment.js';
import { connected, type Connected } from './support/platform.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
// Below the package, so that Node finds it by its own name.
const directory = join(root, '.modelyard', 'test', 'readme');

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

it('C1 the quick start of README.md runs as it stands', async () => {
  const code = codeBelow(await readFile(join(root, 'README.md'), 'utf8'), '## Quick start', 'ts');
  expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10);
  await mkdir(directory, { recursive: true });
  const program = join(directory, 'quick-start.ts');
  await writeFile(program, code);
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    cwd: join(root, 'examples', 'customers'),
    env: environmentOf(on.stack),
  });
  const { live, lastRun } = await on.platform.status('churn');
  expect(stdout).toContain(`${String(lastRun?.decision)} `);
  expect(stdout).toContain(`${String(live)} [`);
});
