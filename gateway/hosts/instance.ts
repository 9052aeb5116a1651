import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type Dispatcher } from 'undici';
import { judge, STARTING, type Health } from './health.js';
import { capLog } from './log-file.js';
import { ping, type Ping } from './ping.js';
import type { ModelProcess } from './process.js';
import type { Serving } from './serving.js';

export interface InstanceSettings {
  /** Connections to one model server; further requests wait for one. */
  connections: number;
  /** Requests to one model server, waiting ones included. */
  inFlight: number;
  pingTimeoutMs: number;
  /** Between pings while it loads, and once it is ready. */
  pingEveryMs: { starting: number; ready: number };
  /** Pings in a row without an answer after which a server that was ready is ended and started again. */
  hungAfterMissed: number;
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
  logCapBytes: number;
}

export interface InstancePlace {
  address: string;
  port: number;
  log: string;
  /** Null: of a server whose models each tell their own. */
  digest: string | null;
  /** Known to its process and to this gateway alone. */
  token: string;
  pings: Dispatcher;
}

/** One process of a model server, from its start or adoption to its end, with the connections to it. */
export class Instance implements Serving {
  readonly process: ModelProcess;
  readonly pool: Pool;
  readonly port: number;
  readonly origin: string;
  readonly path = '/invocations';
  inFlight = 0;
  readonly #place: InstancePlace;
  readonly settings: InstanceSettings;
  #health: Health = STARTING;
  #readySince: number | null = null;

  constructor(process: ModelProcess, place: InstancePlace, settings: InstanceSettings) {
    this.process = process;
    this.port = place.port;
    this.#place = place;
    this.settings = settings;
    this.origin = `http://${place.address}:${String(place.port)}`;
    this.pool = new Pool(this.origin, { connections: settings.connections, pipelining: 1 });
  }

  get health(): Health {
    return this.#health;
  }

  /** Allows to change what a shared server has. */
  get token(): string {
    return this.#place.token;
  }

  /** Loaded the digest asked for, where one is, and its process lives. */
  get serving(): boolean {
    return this.#health.verified && !this.process.ended.aborted;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.settings.inFlight;
  }

  /** How long it has been ready, 0 when it never was. */
  get readyForMs(): number {
    return this.#readySince === null ? 0 : performance.now() - this.#readySince;
  }

  async probe(): Promise<void> {
    this.#health = judge(this.#health, await this.ask('/ping'), this.#place.digest);
    if (this.#health.verified) this.#readySince ??= performance.now();
  }

  /** How it, or a model on it, is. */
  ask(path: string): Promise<Ping> {
    const options = { dispatcher: this.#place.pings, timeoutMs: this.settings.pingTimeoutMs };
    return ping(`${this.origin}${path}`, options);
  }

  /** Pings until the process ends, hangs, or `stop` aborts; a hung one is ended first. */
  async watch(stop: AbortSignal): Promise<void> {
    const over = AbortSignal.any([stop, this.process.ended]);
    while (!over.aborted) {
      await this.probe();
      if (this.#hangs()) return this.process.terminate(this.settings.graceMs);
      // A log that cannot be cut, on a full disk for one, is no reason to give up a server that answers.
      await capLog(this.#place.log, this.settings.logCapBytes).catch(() => undefined);
      await sleep(this.#pauseMs(), undefined, { signal: over }).catch(() => undefined);
    }
  }

  /** Lets requests in flight finish within the grace time, then ends the process. */
  async retire(): Promise<void> {
    const answered = this.pool.close();
    await Promise.race([answered, sleep(this.settings.graceMs, undefined, { ref: false })]);
    await this.process.terminate(this.settings.graceMs);
    await this.discard();
  }

  /** Gives up the connections to a process that has ended. */
  async discard(): Promise<void> {
    this.process.killRemains();
    if (!this.pool.destroyed) await this.pool.destroy();
  }

  #hangs(): boolean {
    return this.#health.verified && this.#health.missed >= this.settings.hungAfterMissed;
  }

  #pauseMs(): number {
    const { starting, ready } = this.settings.pingEveryMs;
    return this.#health.verified ? ready : starting;
  }
}
