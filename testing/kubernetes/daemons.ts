import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Watchdog } from './watchdog.js';
import { startWatched, type WatchedProcess } from './watched-process.js';

const TIMEOUT_MS = 90_000;
const LOOK_EVERY_MS = 50;
const SHOWN_LINES = 15;

/** The processes of one control plane, each with a log below its directory. */
export interface Daemons {
  readonly pids: Readonly<Record<string, number>>;
  start: (program: string, args: readonly string[]) => void;
  /** Resolves when it is so; rejects with the logs' ends when a process ended before, or it takes too long. */
  until: (what: string, is: () => Promise<boolean>) => Promise<void>;
  stop: () => Promise<void>;
}

export function createDaemons(binaries: string, directory: string, watchdog: Watchdog): Daemons {
  const running = new Map<string, WatchedProcess>();
  const logOf = (program: string): string => join(directory, 'logs', `${program}.log`);
  const tails = (): string =>
    [...running.keys()].map((name) => `--- ${name}\n${endOf(logOf(name))}`).join('\n');
  return {
    get pids() {
      return Object.fromEntries([...running].map(([name, { pid }]) => [name, pid]));
    },
    start: (program, args) => {
      const output = openSync(logOf(program), 'a', 0o600);
      const env = { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory };
      const command = [join(binaries, program), ...args];
      running.set(program, startWatched(watchdog, { command, cwd: directory, env, output }));
      closeSync(output);
    },
    until: async (what, is) => {
      for (const end = Date.now() + TIMEOUT_MS; Date.now() < end;) {
        for (const [name, { exit }] of running)
          if (exit) throw new Error(`${name} ended before ${what}\n${tails()}`);
        if (await is().catch(() => false)) return;
        await delay(LOOK_EVERY_MS);
      }
      throw new Error(`expected ${what} within ${String(TIMEOUT_MS)} ms\n${tails()}`);
    },
    stop: async () => {
      for (const daemon of running.values()) daemon.signal('SIGKILL');
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}

function endOf(log: string): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  } catch {
    return '';
  }
}
