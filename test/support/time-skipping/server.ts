import { execFile } from 'node:child_process';
import { access, chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConnectionOptions } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { modelyardHome, packageRoot } from '../../../sdk/dev/setup/locations.mjs';
import { withLock } from '../../../sdk/dev/setup/lock.mjs';

const VERSION = '1.38.0';
const POM = fileURLToPath(new URL('./pom.xml', import.meta.url));
const run = promisify(execFile);

/**
 * A Temporal server whose clock jumps to the next timer. It is MODELYARD_TIME_SKIPPING_SERVER, or made of the jars that Maven
 * gets, or the SDK's download; null where there is none of them.
 */
export async function startTimeSkipping(
  interceptors: NonNullable<ConnectionOptions['interceptors']>,
): Promise<TestWorkflowEnvironment | null> {
  const path = process.env['MODELYARD_TIME_SKIPPING_SERVER'] ?? (await fromMaven());
  const executable = path === null ? {} : { executable: { type: 'existing-path' as const, path } };
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({
      server: executable,
      plugins: [{ name: 'retries', configureConnection: (to) => ({ ...to, interceptors }) }],
    });
  } catch (error) {
    if (path !== null) throw error;
    return null;
  }
}

async function fromMaven(): Promise<string | null> {
  if (!(await isThere('java'))) return null;
  const home = join(modelyardHome(process.env, packageRoot()), 'time-skipping');
  const server = join(home, VERSION, 'server');
  return withLock(join(home, 'lock'), async () => {
    if (await exists(server)) return server;
    if (!(await isThere('mvn'))) return null;
    await build(join(home, VERSION));
    return server;
  });
}

async function build(directory: string): Promise<void> {
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await run('mvn', [
    ...['-q', '-B', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime'],
    `-DoutputDirectory=${join(partial, 'jars')}`,
  ]);
  const command = `exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '${join(directory, 'jars')}/*'`;
  const script = `#!/bin/sh\n${command} io.temporal.testserver.TestServer "$@"\n`;
  await writeFile(join(partial, 'server'), script);
  await chmod(join(partial, 'server'), 0o755);
  await rename(partial, directory);
}

const isThere = (command: string): Promise<boolean> =>
  run(command, ['-version']).then(
    () => true,
    () => false,
  );

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
