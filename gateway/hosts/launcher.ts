import { randomUUID } from 'node:crypto';
import { Agent } from 'undici';
import type { Log } from '../log.js';
import { INSTANCE_VARIABLE, serveEnvironment, type ModelServerOptions } from './environment.js';
import type { HostFiles, ProcessRecord } from './files.js';
import { findByEnvironment, isAlive, type ProcessIdentity } from './identity.js';
import { Instance, type InstanceSettings } from './instance.js';
import type { ServerPlan } from './plan.js';
import type { Ports } from './ports.js';
import { ModelProcess } from './process.js';

/** Model servers listen where only this machine reaches them; callers go through the gateway. */
export const MODEL_SERVER_ADDRESS = '127.0.0.1';

/** What keeps a model server running. */
export interface ServerParts {
  launcher: Launcher;
  log: Log;
}

/** Starts model servers, and finds those that an earlier gateway started. */
export class Launcher {
  readonly #files: HostFiles;
  readonly #ports: Ports;
  readonly #modelServer: ModelServerOptions;
  readonly #settings: InstanceSettings;
  readonly #pings = new Agent({ connections: 1 });

  constructor(parts: {
    files: HostFiles;
    ports: Ports;
    modelServer: ModelServerOptions;
    settings: InstanceSettings;
  }) {
    this.#files = parts.files;
    this.#ports = parts.ports;
    this.#modelServer = parts.modelServer;
    this.#settings = parts.settings;
  }

  async start(plan: ServerPlan): Promise<Instance> {
    const port = await this.#ports.next();
    const instance = randomUUID();
    // Written before the process exists, so that a gateway that dies in between leaves a process that can be found.
    await this.#files.writeProcess(plan.name, { instance, port, identity: null });
    const process = ModelProcess.start({
      argv: [this.#modelServer.python, '-m', 'modelyard', plan.step],
      env: serveEnvironment(plan, this.#modelServer, {
        address: MODEL_SERVER_ADDRESS,
        port,
        instance,
      }),
      cwd: this.#files.directoryOf(plan.name),
      log: this.#files.logOf(plan.name),
    });
    if (process.identity)
      await this.#record(plan.name, { instance, port, identity: process.identity }, process);
    return this.#instance(plan, process, { port, instance });
  }

  /** The running model server of the record; undefined when it has ended. */
  adopt(plan: ServerPlan, record: ProcessRecord): Instance | undefined {
    this.#ports.remember(record.port);
    const identity = findProcess(record);
    return identity && this.#instance(plan, ModelProcess.adopt(identity), record);
  }

  /** Ends the process of a host that is not wanted any more. */
  async end(record: ProcessRecord): Promise<void> {
    const identity = findProcess(record);
    if (identity) await ModelProcess.adopt(identity).terminate(this.#settings.graceMs);
  }

  logOf(name: string): string {
    return this.#files.logOf(name);
  }

  async close(): Promise<void> {
    await this.#pings.destroy();
  }

  async #record(name: string, record: ProcessRecord, process: ModelProcess): Promise<void> {
    try {
      await this.#files.writeProcess(name, record);
    } catch (error) {
      await process.terminate(this.#settings.graceMs);
      throw error;
    }
  }

  #instance(
    plan: ServerPlan,
    process: ModelProcess,
    { port, instance: token }: Pick<ProcessRecord, 'port' | 'instance'>,
  ): Instance {
    const log = this.#files.logOf(plan.name);
    const place = {
      address: MODEL_SERVER_ADDRESS,
      port,
      log,
      digest: plan.digest,
      token,
      pings: this.#pings,
    };
    return new Instance(process, place, this.#settings);
  }
}

function findProcess(record: ProcessRecord): ProcessIdentity | undefined {
  if (!record.identity) return findByEnvironment(`${INSTANCE_VARIABLE}=${record.instance}`);
  return isAlive(record.identity) ? record.identity : undefined;
}
