import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../temporal/server/command.mjs';
import { goEnvironment, requireGo } from '../../../temporal/server/go-toolchain.mjs';
import { PROGRAMS, type Release } from './release.js';

export interface Build {
  /** Directory of the go.mod and go.sum that pin the build. */
  module: string;
  release: Release;
  /** The directory the programs come to. */
  destination: string;
  /** For Go's caches, unless the environment names others; removed after a success. */
  workDirectory: string;
  report: (line: string) => void;
  env: NodeJS.ProcessEnv;
}

/** Builds the programs from Go modules: about six minutes of two cores, and 3.4 GB until it is done. */
export async function buildPrograms(build: Build): Promise<void> {
  const { module, release, destination, workDirectory, report, env } = build;
  await requireGo(env);
  await mkdir(workDirectory, { recursive: true });
  await mkdir(destination, { recursive: true });
  report(`building Kubernetes ${release.kubernetes} from Go modules, about six minutes`);
  await runCommand(
    'go',
    [
      ...['build', '-mod=readonly', '-modcacherw', '-trimpath', `-ldflags=${linkerFlags(release)}`],
      // A folder as the output, and every package that go.mod names as a tool.
      ...['-o', `${destination}/`, 'tool'],
    ],
    {
      cwd: module,
      env: goEnvironment(env, workDirectory),
      progress: (seconds) => {
        report(`still building Kubernetes (${String(seconds)} s)`);
      },
    },
  );
  // Go names a program after its package's folder.
  await rename(join(destination, 'server'), join(destination, 'etcd'));
  for (const program of PROGRAMS) await chmod(join(destination, program), 0o755);
  await rm(workDirectory, { recursive: true, force: true });
}

/** Kubernetes says v0.0.0 of itself unless its version is set while linking. */
function linkerFlags({ kubernetes }: Release): string {
  const [major = '', minor = ''] = kubernetes.slice(1).split('.');
  const stamps = {
    gitVersion: kubernetes,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  };
  return [
    '-s -w',
    ...Object.entries(stamps).map(
      ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
    ),
  ].join(' ');
}
