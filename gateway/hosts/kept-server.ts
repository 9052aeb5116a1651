import { setTimeout as sleep } from 'node:timers/promises';
import type { HostObservation } from '../../temporal/contracts/route.js';
import { messageOf, type Log } from '../log.js';
import { STARTING } from './health.js';
import type { Instance } from './instance.js';
import type { Launcher } from './launcher.js';
import { tailOf } from './log-file.js';
import type { ServerPlan } from './plan.js';
import type { ProcessEnd } from './process.js';
import { BROKEN_AFTER, countDeath, restartDelayMs } from './restarts.js';

export interface ServerView extends HostObservation {
  pid: number | null;
  port: number | null;
  restarts: number;
}

const TAIL_BYTES = 2_000;

/** Keeps one model server running, from `run` to `stop`. */
export class KeptServer {
  readonly #plan: ServerPlan;
  readonly #launcher: Launcher;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #instance: Instance | undefined;
  #restarts = 0;
  #fastDeaths = 0;
  /** How the last process ended, with the tail of its log. */
  #lastDeath = '';

  constructor(plan: ServerPlan, parts: { launcher: Launcher; log: Log }) {
    this.#plan = plan;
    this.#launcher = parts.launcher;
    this.#log = parts.log;
  }

  /** Supervises the given process, or a new one, and its successors. */
  run(adopted?: Instance): void {
    this.#running = this.#supervise(adopted);
  }

  /** Resolves when the process is gone; it is not started again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get stopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** The process that requests may go to; undefined while there is none. */
  get serving(): Instance | undefined {
    return this.#instance?.serving === true ? this.#instance : undefined;
  }

  view(): ServerView {
    const health = this.#instance?.health ?? STARTING;
    const broken = health.phase !== 'ready' && this.#fastDeaths >= BROKEN_AFTER;
    const detail =
      health.phase === 'starting' && this.#lastDeath !== ''
        ? `started again after: ${this.#lastDeath}`
        : health.detail;
    return {
      phase: broken ? 'unhealthy' : health.phase,
      digest: health.digest,
      detail,
      pid: this.#instance?.process.identity?.pid ?? null,
      port: this.#instance?.port ?? null,
      restarts: this.#restarts,
    };
  }

  async #supervise(adopted: Instance | undefined): Promise<void> {
    const { signal } = this.#stopping;
    let next = adopted;
    while (!signal.aborted) {
      await this.#live(next);
      next = undefined;
      await sleep(restartDelayMs(this.#fastDeaths), undefined, { signal }).catch(() => undefined);
    }
  }

  async #live(adopted: Instance | undefined): Promise<void> {
    try {
      const instance = adopted ?? (await this.#launcher.start(this.#plan));
      this.#instance = instance;
      await instance.watch(this.#stopping.signal);
      if (this.stopping) {
        await instance.retire();
        return;
      }
      await this.#died(
        instance.process.end ?? { exitCode: null, detail: 'ended' },
        instance.readyForMs,
      );
      this.#instance = undefined;
      await instance.discard();
    } catch (error) {
      await this.#died({ exitCode: null, detail: messageOf(error) }, 0);
    }
  }

  async #died(end: ProcessEnd, readyForMs: number): Promise<void> {
    this.#restarts += 1;
    this.#fastDeaths = countDeath(this.#fastDeaths, end, readyForMs);
    const tail = await tailOf(this.#launcher.logOf(this.#plan.name), TAIL_BYTES).catch(() => '');
    this.#lastDeath = tail === '' ? end.detail : `${end.detail}; its log ends: ${tail}`;
    this.#log('host-died', {
      host: this.#plan.name,
      end: end.detail,
      fastDeaths: this.#fastDeaths,
    });
  }
}
