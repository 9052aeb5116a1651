import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { judge, STARTING, type Health } from './health.js';
import type { Instance } from './instance.js';
import type { LoadAttempts } from './load-attempts.js';
import { interpret, limitedText, type Ping } from './ping.js';
import type { Serving } from './serving.js';

/** Loads take turns on a shared server, and a first one may download a large model. */
const LOAD_TIMEOUT_MS = 600_000;
const DELETE_TIMEOUT_MS = 5_000;
const ALREADY_THERE = 409;

/** One model on one process of a shared server, with connections of its own. */
export class SharedModel implements Serving {
  readonly instance: Instance;
  readonly origin: string;
  readonly path: string;
  readonly pool: Pool;
  inFlight = 0;
  readonly #spec: HostSpec;
  readonly #attempts: LoadAttempts;
  readonly #place: string;
  #health: Health = STARTING;

  constructor(spec: HostSpec, instance: Instance, attempts: LoadAttempts) {
    this.instance = instance;
    this.origin = instance.origin;
    this.#spec = spec;
    this.#attempts = attempts;
    this.#place = `/models/${spec.name}`;
    this.path = `${this.#place}/invoke`;
    const { connections } = instance.settings;
    this.pool = new Pool(this.origin, { connections, pipelining: 1 });
  }

  get health(): Health {
    return this.#health;
  }

  /** Loaded with the digest asked for in this process, which lives. It may have left the memory since. */
  get serving(): boolean {
    return this.#health.verified && this.instance.serving;
  }

  get hasRoom(): boolean {
    return this.inFlight < this.instance.settings.inFlight;
  }

  /** Asks how the model is, and nothing more. */
  async probe(): Promise<Ping> {
    const answer = await this.instance.ask(this.#place);
    this.#judge(answer);
    return answer;
  }

  /** Asks how the model is, and has it loaded when it is not there or was refused. */
  async look(stop: AbortSignal): Promise<void> {
    const { answer } = await this.probe();
    if ((answer !== 'unknown' && answer !== 'failed') || !this.#attempts.due) return;
    try {
      await this.#load(stop);
    } catch (error) {
      if (stop.aborted) return;
      this.#attempts.failed();
      throw error;
    }
  }

  /** Lets requests in flight finish within the grace time, then has the model unloaded. */
  async retire(): Promise<void> {
    const answered = this.pool.close();
    const { graceMs } = this.instance.settings;
    await Promise.race([answered, sleep(graceMs, undefined, { ref: false })]);
    const signal = AbortSignal.timeout(DELETE_TIMEOUT_MS);
    const headers = this.#authorization();
    const path = this.#place;
    const gone = this.instance.pool.request({ method: 'DELETE', path, headers, signal });
    // With the process the model is gone as well.
    await gone.then(({ body }) => body.dump()).catch(() => undefined);
    await this.discard();
  }

  async discard(): Promise<void> {
    if (!this.pool.destroyed) await this.pool.destroy();
  }

  async #load(stop: AbortSignal): Promise<void> {
    const { name, modelUri, digest, modelId, task } = this.#spec;
    const { statusCode, body } = await this.instance.pool.request({
      method: 'POST',
      path: '/models',
      headers: { ...this.#authorization(), 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: name, url: modelUri, digest, model_id: modelId, task }),
      headersTimeout: LOAD_TIMEOUT_MS,
      signal: stop,
    });
    const said = await limitedText(body);
    if (statusCode === ALREADY_THERE) return;
    this.#judge(interpret(statusCode, said));
    if (this.#health.verified) this.#attempts.succeeded();
    else this.#attempts.failed();
  }

  #authorization(): { authorization: string } {
    return { authorization: `Bearer ${this.instance.token}` };
  }

  #judge(answer: Ping): void {
    this.#health = judge(this.#health, answer, this.#spec.digest);
  }
}
