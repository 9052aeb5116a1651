import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { modelyardHome, packageRoot } from '../../../sdk/dev/setup/locations.mjs';
import { withLock } from '../../../sdk/dev/setup/lock.mjs';
import { requireGo } from '../../../temporal/server/go-toolchain.mjs';
import { setupError } from '../../../temporal/server/setup-error.mjs';
import { buildPrograms } from './build.js';
import { downloadPrograms, type ReleaseServices } from './download.js';
import { PROGRAMS, releaseOf, type Release } from './release.js';

export interface ObtainOptions {
  report: (line: string) => void;
  env?: NodeJS.ProcessEnv;
  /** Where what is built or downloaded is kept. */
  home?: string;
  /** Directory of the go.mod that pins the build. */
  module?: string;
  services?: ReleaseServices;
  downloadTimeoutMs?: number;
}

interface Way {
  name: string;
  /** Where what this way gives is kept. */
  directory: string;
  obtain: (destination: string) => Promise<void>;
}

/**
 * A folder with the programs of a control plane: the one MODELYARD_KUBERNETES_BIN names, else one kept from before, else
 * downloaded, else built from Go modules, which takes minutes.
 *
 * @throws a SetupError that says in one line why there is none.
 */
export async function obtainControlPlane(options: ObtainOptions): Promise<string> {
  const env = options.env ?? process.env;
  const named = env['MODELYARD_KUBERNETES_BIN'];
  if (named) return namedFolder(named);
  const home = options.home ?? modelyardHome(env);
  const module = options.module ?? join(packageRoot(), 'testing', 'kubernetes', 'control-plane');
  const ways = await waysTo({ ...options, env, home, module });
  return withLock(join(home, 'locks', 'kubernetes'), () => keptOrObtained(ways, options.report), {
    onWait: () => {
      options.report('waiting for another process that obtains Kubernetes');
    },
  });
}

async function namedFolder(folder: string): Promise<string> {
  const missing = await missingIn(folder);
  if (missing.length === 0) return folder;
  throw setupError(
    `MODELYARD_KUBERNETES_BIN names ${folder}, which has no ${missing.join(', ')} that can be run. Point it at a folder with all of them, or unset it.`,
  );
}

type Settled = ObtainOptions & { env: NodeJS.ProcessEnv; home: string; module: string };

async function waysTo(options: Settled): Promise<Way[]> {
  const { env, home, module, report, services, downloadTimeoutMs: timeoutMs } = options;
  const release = releaseOf(module);
  const directory = (by: string): string => join(home, 'kubernetes', keyOf(release, by));
  const download: Way = {
    name: 'download',
    directory: directory('download'),
    obtain: (destination) =>
      downloadPrograms({
        release,
        destination,
        report,
        ...(services && { services }),
        ...(timeoutMs !== undefined && { timeoutMs }),
      }),
  };
  return [download, await buildWay({ module, release, report, env, home }, directory)];
}

async function buildWay(
  {
    home,
    ...of
  }: { home: string } & Omit<Parameters<typeof buildPrograms>[0], 'workDirectory' | 'destination'>,
  directory: (by: string) => string,
): Promise<Way> {
  const name = 'build from Go modules';
  try {
    const go = await requireGo(of.env);
    const workDirectory = join(home, 'kubernetes', 'go');
    const obtain = (destination: string): Promise<void> =>
      buildPrograms({ ...of, workDirectory, destination });
    return { name, directory: directory(go), obtain };
  } catch (error) {
    const failed = (): Promise<void> => Promise.reject(new Error(messageOf(error)));
    return { name, directory: directory('go'), obtain: failed };
  }
}

/** Whatever it is of, the same content is made of it: what is pinned, by which Go, for which machine. */
const keyOf = ({ kubernetes, digest }: Release, by: string): string =>
  [kubernetes, digest.slice(0, 16), by, process.platform, process.arch].join('-');

async function keptOrObtained(ways: Way[], report: (line: string) => void): Promise<string> {
  for (const { directory } of ways) if ((await missingIn(directory)).length === 0) return directory;
  const failures: string[] = [];
  for (const way of ways) {
    try {
      return await keep(way);
    } catch (error) {
      const [line = ''] = messageOf(error).split('\n');
      failures.push(`${way.name}: ${line}`);
      report(`${way.name} of Kubernetes failed: ${messageOf(error)}`);
    }
  }
  throw setupError(
    `No Kubernetes control plane to test with (${failures.join('; ')}); install Go, let dl.k8s.io and github.com be reached, or name a folder of the programs by MODELYARD_KUBERNETES_BIN.`,
  );
}

/** Made aside and renamed, so that what an interruption leaves is never used. */
async function keep({ directory, obtain }: Way): Promise<string> {
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(dirname(directory), { recursive: true });
  try {
    await obtain(partial);
    const missing = await missingIn(partial);
    if (missing.length > 0) throw new Error(`expected ${missing.join(', ')}, got none`);
    await rm(directory, { recursive: true, force: true });
    await rename(partial, directory);
    return directory;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function missingIn(folder: string): Promise<string[]> {
  const found = await Promise.all(
    PROGRAMS.map((program) =>
      access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return PROGRAMS.filter((_, index) => found[index] !== true);
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
