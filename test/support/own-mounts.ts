import { execFileSync } from 'node:child_process';

/** What a sandbox or the kernel's settings say to one who may have no namespace of their own. */
const FORBIDDEN = /not permitted|permission denied|no space left on device|invalid argument/i;

/** A shell script and its arguments, run where what it mounts is seen by it and its children alone. Nobody needs to be root. */
export const withOwnMounts = (script: string, ...args: string[]): [string, ...string[]] => [
  ...(['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'] as const),
  script,
  ...args,
];

/** Why nothing can be mounted so here; undefined where it can. Throws that where CI is set, unless it is the kernel that forbids it. */
export function whyNoOwnMounts(): string | undefined {
  const [command, ...args] = withOwnMounts('mount -t tmpfs none /tmp');
  try {
    execFileSync(command, args, { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error);
    if (process.env['CI'] && !FORBIDDEN.test(why)) throw error;
    return `no process can have mounts of its own here: ${why}`;
  }
}
