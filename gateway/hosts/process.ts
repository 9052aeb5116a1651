import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startTimeOf, type ProcessIdentity } from './identity.js';

/** How a model server ended; `exitCode` is unknown (null) for one that this gateway did not start itself. */
export interface ProcessEnd {
  exitCode: number | null;
  detail: string;
}

const LOOK_EVERY_MS = 200;

/** A model server's process with its group. It outlives the gateway: nothing it holds leads back to this process. */
export class ModelProcess {
  readonly identity: ProcessIdentity | null;
  readonly #ended = new AbortController();

  private constructor(identity: ProcessIdentity | null) {
    this.identity = identity;
  }

  static start(command: {
    argv: [string, ...string[]];
    env: Record<string, string>;
    cwd: string;
    log: string;
  }): ModelProcess {
    const [program, ...args] = command.argv;
    const log = openSync(command.log, 'a', 0o600);
    try {
      const child = spawn(program, args, {
        cwd: command.cwd,
        env: command.env,
        detached: true,
        stdio: ['ignore', log, log],
      });
      const startTime = child.pid === undefined ? undefined : startTimeOf(child.pid);
      const started = new ModelProcess(
        child.pid !== undefined && startTime !== undefined ? { pid: child.pid, startTime } : null,
      );
      child.once('error', (error) => {
        started.#end({ exitCode: null, detail: `could not start ${program}: ${error.message}` });
      });
      child.once('exit', (exitCode, signal) => {
        started.#end({
          exitCode,
          detail: signal === null ? `exit code ${String(exitCode)}` : `killed by ${signal}`,
        });
      });
      child.unref();
      return started;
    } finally {
      closeSync(log);
    }
  }

  /** Takes over a process that an earlier gateway started. */
  static adopt(identity: ProcessIdentity): ModelProcess {
    const adopted = new ModelProcess(identity);
    const looking = setInterval(() => {
      if (isAlive(identity)) return;
      clearInterval(looking);
      adopted.#end({ exitCode: null, detail: 'the process is gone' });
    }, LOOK_EVERY_MS);
    looking.unref();
    return adopted;
  }

  /** Aborts when the process has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** How it ended; undefined while it runs. */
  get end(): ProcessEnd | undefined {
    return this.ended.aborted ? (this.ended.reason as ProcessEnd) : undefined;
  }

  /** SIGTERM to the group, and SIGKILL to what is left of it after the grace time. Resolves when the process is gone. */
  async terminate(graceMs: number): Promise<void> {
    this.#signal('SIGTERM');
    if (!(await this.#endsWithin(graceMs))) this.#signal('SIGKILL');
    await this.#endsWithin(Infinity);
    this.#signalGroup('SIGKILL');
  }

  /** Ends what a dead process left running in its group. */
  killRemains(): void {
    this.#signalGroup('SIGKILL');
  }

  #end(end: ProcessEnd): void {
    this.#ended.abort(end);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.identity && isAlive(this.identity)) this.#signalGroup(signal);
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (!this.identity) return;
    try {
      process.kill(-this.identity.pid, signal);
    } catch (error) {
      // EPERM: only remains that cannot be signalled, or somebody else's group; none of ours is left either way.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }

  async #endsWithin(waitMs: number): Promise<boolean> {
    const until = Date.now() + waitMs;
    while (!this.ended.aborted) {
      if (Date.now() >= until) return false;
      await sleep(Math.min(LOOK_EVERY_MS, until - Date.now()), undefined, {
        signal: this.ended,
      }).catch(() => undefined);
    }
    return true;
  }
}
