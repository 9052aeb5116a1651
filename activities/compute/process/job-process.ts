import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CappedLog } from './capped-log.js';
import type { JobProcesses } from './job-processes.js';
import { identityOf } from './process-table.js';

/**
 * The job's process waits for a line on its standard input before it becomes the command. So it can be recorded before
 * its first instruction, and one that was never recorded ends by itself when its supervisor does. The words of the
 * command are passed as arguments: the shell reads only this constant line.
 */
const GATE = 'read -r go && exec "$@" </dev/null 2>&1';
const DRAIN_MS = 2000;

export interface Exit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface JobProcess {
  readonly processes: JobProcesses;
  /** Settles when the leader ended; others of the job's processes may still live. */
  readonly exit: Promise<Exit>;
  /** Lets the command run. */
  release(): void;
  /** Ends the process without letting the command run. */
  abandon(): void;
  /** Waits a moment for what is still on its way to the log. */
  drain(): Promise<void>;
}

export interface GatedCommand {
  readonly uid: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly log: CappedLog;
}

/** Starts the command's process, held at its gate. Throws what the system says when it cannot be started. */
export async function startHeld(job: GatedCommand): Promise<JobProcess> {
  const child = spawn('/bin/sh', ['-c', GATE, 'modelyard-job', ...job.command], {
    cwd: job.directory,
    env: { ...job.environment },
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const exit = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode, signal) => {
      resolve({ exitCode, signal });
    });
  });
  const drained = copyTo(job.log, child.stdout);
  ignoreBrokenPipe(child.stdin);
  const pid = await startedPid(child);
  const leader = (await identityOf(pid)) ?? { pid, startTime: 'ended' };
  return {
    processes: { leader, uid: job.uid },
    exit,
    release: () => child.stdin.end('go\n'),
    abandon: () => child.stdin.destroy(),
    drain: () => Promise.race([drained, sleep(DRAIN_MS)]),
  };
}

function startedPid(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      resolve(child.pid ?? 0);
    });
  });
}

function copyTo(log: CappedLog, output: Readable): Promise<void> {
  output.on('data', (chunk: Buffer) => {
    log.append(chunk);
  });
  return new Promise((resolve) => {
    output.once('close', resolve);
  });
}

/** The job may end before it reads its gate. */
function ignoreBrokenPipe(input: Writable): void {
  input.on('error', () => undefined);
}
