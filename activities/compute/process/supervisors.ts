import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../../temporal/errors.js';
import { liveClaim } from './claims.js';
import { readText } from './durable-files.js';
import { passedOnEnvironment } from './environment.js';
import { isFinished } from './job-state.js';
import { jobFiles } from './layout.js';
import type { Launch } from './records.js';

const POLL_MS = 20;
const START_LIMIT_MS = 20_000;
const LOG_TAIL_CHARACTERS = 1000;

/** Starts supervisors: processes of their own session, which outlive the worker that started them. */
export class Supervisors {
  readonly #script: string;
  readonly #starting = new Map<string, Promise<void>>();

  constructor(script: string) {
    this.#script = script;
  }

  /**
   * Resolves when a supervisor has claimed the job or the job has ended. Safe to call from many processes at once: of
   * the supervisors they start, all but one end without doing anything.
   */
  async ensure(directory: string, launch: () => Launch): Promise<void> {
    if (await isCaredFor(directory)) return;
    const pending = this.#starting.get(directory) ?? this.#start(directory, launch());
    this.#starting.set(directory, pending);
    try {
      await pending;
    } finally {
      this.#starting.delete(directory);
    }
  }

  async #start(directory: string, launch: Launch): Promise<void> {
    const child = await this.#spawn(directory);
    const ended = endOf(child);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(JSON.stringify(launch));
    const until = performance.now() + START_LIMIT_MS;
    while (performance.now() < until && !(await isCaredFor(directory))) {
      const outcome = await Promise.race([ended, sleep(POLL_MS, undefined)]);
      if (outcome === undefined) continue;
      if (outcome !== 0) throw await didNotStart(directory, outcome);
      return;
    }
  }

  async #spawn(directory: string): Promise<ChildProcess> {
    await using log = await open(jobFiles(directory).supervisorLog, 'a', 0o600);
    const child = spawn(process.execPath, [this.#script, directory], {
      cwd: '/',
      env: passedOnEnvironment(),
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
    });
    child.unref();
    return child;
  }
}

async function isCaredFor(directory: string): Promise<boolean> {
  const files = jobFiles(directory);
  return (await liveClaim(files.claims)) !== undefined || (await isFinished(files));
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? signal ?? 'unknown');
    });
  });
}

async function didNotStart(directory: string, outcome: number | string): Promise<Error> {
  const said =
    (await readText(jobFiles(directory).supervisorLog))?.slice(-LOG_TAIL_CHARACTERS) ?? '';
  return failure(
    'ComputeUnavailable',
    `the supervisor of ${directory} did not start (${String(outcome)}): ${said}`,
  );
}
