import { join } from 'node:path';

import { runCommand } from './command.mjs';

/** From this version on, Go fetches the toolchain that go.mod asks for by itself. */
const FIRST_SELF_UPDATING_GO = [1, 21];

/**
 * The version of the Go on PATH.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} such as `go1.26.8`
 * @throws when there is none, or one that is too old
 */
export async function requireGo(env) {
  const output = await runCommand('go', ['env', 'GOVERSION'], { timeoutMs: 20_000, env });
  const [major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(output) ?? []).slice(1).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = FIRST_SELF_UPDATING_GO;
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
    throw new Error(
      `Go ${FIRST_SELF_UPDATING_GO.join('.')} or newer is needed, found ${output.trim()}`,
    );
  }
  return output.trim();
}

/**
 * Go refuses to build without a home directory or named caches, so it is always given some.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} workDirectory
 * @returns {NodeJS.ProcessEnv}
 */
export function goEnvironment(env, workDirectory) {
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
