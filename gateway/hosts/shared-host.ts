import { setTimeout as sleep } from 'node:timers/promises';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { messageOf, type Log } from '../log.js';
import { STARTING } from './health.js';
import { viewOf, type Host, type HostView } from './host.js';
import type { InstanceSettings } from './instance.js';
import type { KeptServer } from './kept-server.js';
import { LoadAttempts } from './load-attempts.js';
import { SharedModel } from './shared-model.js';
import type { SharedServers } from './shared-servers.js';
import type { Serving } from './serving.js';

export interface SharedHostParts {
  servers: SharedServers;
  settings: InstanceSettings;
  log: Log;
}

/** A model on the server that the shared hosts of its target have in common. Every new process of it loads the model anew. */
export class SharedHost implements Host {
  readonly spec: HostSpec;
  readonly #parts: SharedHostParts;
  readonly #attempts = new LoadAttempts();
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #server: KeptServer | undefined;
  #model: SharedModel | undefined;

  constructor(spec: HostSpec, parts: SharedHostParts) {
    this.spec = spec;
    this.#parts = parts;
  }

  run(): void {
    this.#running = this.#supervise();
  }

  /** Goes on with what an earlier gateway left; the model has been asked for once when it resolves. */
  async resume(): Promise<void> {
    this.#server = await this.#parts.servers.take(this.spec.target);
    await this.#follow(this.#server);
    await this.#model?.probe();
    this.run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get stopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  get serving(): Serving | undefined {
    return this.#model?.serving === true ? this.#model : undefined;
  }

  view(): HostView {
    const server = this.#server?.view() ?? { ...STARTING, pid: null, port: null, restarts: 0 };
    const { pid, port, restarts } = server;
    const model = this.#model?.instance.serving === true ? this.#model.health : undefined;
    const missing = server.phase === 'ready' ? STARTING : server;
    const { phase, digest, detail } = model ?? missing;
    return viewOf(this.spec, { phase, digest, detail, pid, port, restarts });
  }

  async #supervise(): Promise<void> {
    const { servers, log } = this.#parts;
    const { target, name } = this.spec;
    const server = (this.#server ??= await servers.take(target));
    while (!this.stopping) {
      try {
        await this.#follow(server);
        await this.#model?.look(this.#stopping.signal);
      } catch (error) {
        log('model-not-loaded', { host: name, error: messageOf(error) });
      }
      await this.#pause();
    }
    await this.#model?.retire();
    await servers.leave(target);
  }

  /** A process that ended took its models along: its successor is asked for this one anew. */
  async #follow(server: KeptServer): Promise<void> {
    const instance = server.serving;
    if (instance === this.#model?.instance) return;
    const before = this.#model;
    this.#model = instance && new SharedModel(this.spec, instance, this.#attempts);
    await before?.discard();
  }

  async #pause(): Promise<void> {
    const { starting, ready } = this.#parts.settings.pingEveryMs;
    const model = this.#model?.serving === true ? this.#model : undefined;
    const stop = this.#stopping.signal;
    const signal = model ? AbortSignal.any([stop, model.instance.process.ended]) : stop;
    await sleep(model ? ready : starting, undefined, { signal }).catch(() => undefined);
  }
}
