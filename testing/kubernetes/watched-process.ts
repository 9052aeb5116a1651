import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Watchdog } from './watchdog.js';

export interface Program {
  command: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** A file to append to, or a pipe to read from. */
  output: number | 'pipe';
}

/** A process and all it starts in its group; none of them outlives this process. */
export interface WatchedProcess {
  readonly pid: number;
  readonly output: readonly Readable[];
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  /** Resolves when it ended, with the rest of its group, and what it printed was read. */
  readonly ended: Promise<Exit>;
  /** To the whole group. */
  signal: (signal: 'SIGTERM' | 'SIGKILL') => void;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * The program begins when the watchdog knows its group: were this process killed in between, the shell reads the end of its
 * file descriptor 3 and gives up.
 */
const GATE = 'read -r go <&3 || exit 1; exec 3<&-; exec "$@"';

/** What left the group holds the pipes open: its words are waited for no longer than this. */
const DRAIN_MS = 500;

export function startWatched(
  watchdog: Watchdog,
  { command, cwd, env, output }: Program,
): WatchedProcess {
  const child = spawn('/bin/sh', ['-c', GATE, 'gate', ...command], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', output, output, 'pipe'],
  });
  child.on('error', () => undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error(`expected ${cwd} to be a folder to run /bin/sh in`);
  const signal = (name: 'SIGTERM' | 'SIGKILL'): void => signalGroup(pid, name);
  const watched = {
    pid,
    exit: undefined as Exit | undefined,
    output: [child.stdout, child.stderr].filter((stream) => stream !== null),
    ended: exitOf(child).then(async (exit) => {
      signal('SIGKILL');
      watchdog.forget(pid);
      await drained(child);
      watched.exit = exit;
      return exit;
    }),
    signal,
  };
  watchdog.watch(pid);
  const gate = child.stdio[3] as NodeJS.WritableStream;
  gate.on('error', () => undefined);
  gate.end('go\n');
  return watched;
}

const exitOf = (child: ChildProcess): Promise<Exit> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });

function drained(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, DRAIN_MS);
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // The whole group is gone.
  }
}
