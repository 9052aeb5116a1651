import { randomUUID } from 'node:crypto';
import { Agent } from 'undici';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { INSTANCE_VARIABLE, serveEnvironment, type ModelServerOptions } from './environment.js';
import type { HostFiles, ProcessRecord } from './files.js';
import { findByEnvironment, isAlive, type ProcessIdentity } from './identity.js';
import { Instance, type InstanceSettings } from './instance.js';
import type { Ports } from './ports.js';
import { ModelProcess } from './process.js';

/** Model servers listen where only this machine reaches them; callers go through the gateway. */
export const MODEL_SERVER_ADDRESS = '127.0.0.1';

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

  async start(spec: HostSpec): Promise<Instance> {
    const port = await this.#ports.next();
    const instance = randomUUID();
    // Written before the process exists, so that a gateway that dies in between leaves a process that can be found.
    await this.#files.writeProcess(spec.name, { instance, port, identity: null });
    const process = ModelProcess.start({
      argv: [this.#modelServer.python, '-m', 'modelyard', 'serve'],
      env: serveEnvironment(spec, this.#modelServer, {
        address: MODEL_SERVER_ADDRESS,
        port,
        instance,
      }),
      cwd: this.#files.directoryOf(spec.name),
      log: this.#files.logOf(spec.name),
    });
    if (process.identity)
      await this.#record(spec.name, { instance, port, identity: process.identity }, process);
    return this.#instance(spec, process, port);
  }

  /** The running model server of the record; undefined when it has ended. */
  adopt(spec: HostSpec, record: ProcessRecord): Instance | undefined {
    this.#ports.remember(record.port);
    const identity = findProcess(record);
    return identity && this.#instance(spec, ModelProcess.adopt(identity), record.port);
  }

  /** Ends the process of a host that is not wanted any more. */
  async end(record: ProcessRecord): Promise<void> {
    const identity = findProcess(record);
    if (identity) await ModelProcess.adopt(identity).terminate(this.#settings.graceMs);
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

  #instance(spec: HostSpec, process: ModelProcess, port: number): Instance {
    const log = this.#files.logOf(spec.name);
    const place = {
      address: MODEL_SERVER_ADDRESS,
      port,
      log,
      digest: spec.digest,
      pings: this.#pings,
    };
    return new Instance(process, place, this.#settings);
  }
}

function findProcess(record: ProcessRecord): ProcessIdentity | undefined {
  if (!record.identity) return findByEnvironment(`${INSTANCE_VARIABLE}=${record.instance}`);
  return isAlive(record.identity) ? record.identity : undefined;
}
