import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Loads the entry in a process of its own and lists every module that was loaded with it. */
const LIST_MODULES = `
import { createRequire, registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
await import('./sdk/index.ts');
loaded.push(...Object.keys(createRequire(import.meta.url).cache));
console.log(JSON.stringify(loaded));
`;

it('importing the package loads no worker, Kubernetes, AWS, server, packing or signing code', async () => {
  const args = [
    '--import',
    './scripts/typescript-sources.mjs',
    '--input-type=module',
    '--eval',
    LIST_MODULES,
  ];
  const { stdout } = await run(process.execPath, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const loaded = JSON.parse(stdout) as string[];
  expect(loaded.some((url) => url.endsWith('sdk/platform.ts'))).toBe(true);
  const heavy =
    /@temporalio\/(worker|core-bridge|activity)|@kubernetes|@aws-sdk|\/fastify\/|\/undici\/|\/tar-stream\/|\/commander\/|\/(workers|activities|workflows|gateway)\/[^/]+\.ts$|\/sdk\/(dev|cli|signing)\//;
  expect(loaded.filter((url) => heavy.test(url))).toEqual([]);
});
