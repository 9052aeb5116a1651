import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HostSpec } from '../../temporal/contracts/route.js';
import { readIfThere, removeDurably, writeDurably } from '../durable.js';
import { messageOf } from '../log.js';

/** `identity` null: the process was about to be started; it is looked for by its instance id. */
const ProcessRecord = z.object({
  instance: z.string(),
  port: z.int().positive(),
  identity: z.object({ pid: z.int().positive(), startTime: z.string() }).nullable(),
});
export type ProcessRecord = z.infer<typeof ProcessRecord>;

export interface RestoredHost {
  name: string;
  /** Undefined when the host was being retired, or never came to have a spec: its process is stopped, not adopted. */
  spec: HostSpec | undefined;
  process: ProcessRecord | undefined;
  /** Why its files cannot be read. Others are not held up by it; asking for the host again writes them anew. */
  problem?: string;
}

/** What is kept of hosts, or of servers that hosts share: a directory each, with the host's spec, the process and its log. */
export class HostFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  directoryOf(name: string): string {
    return join(this.#directory, name);
  }

  logOf(name: string): string {
    return join(this.directoryOf(name), 'log');
  }

  async writeSpec(spec: HostSpec): Promise<void> {
    await mkdir(this.directoryOf(spec.name), { recursive: true, mode: 0o700 });
    await writeDurably(this.#specOf(spec.name), `${JSON.stringify(spec)}\n`);
  }

  /** From here on a restart does not bring the host back. */
  async forgetSpec(name: string): Promise<void> {
    await removeDurably(this.#specOf(name));
  }

  async writeProcess(name: string, record: ProcessRecord): Promise<void> {
    await mkdir(this.directoryOf(name), { recursive: true, mode: 0o700 });
    await writeDurably(this.#processOf(name), `${JSON.stringify(record)}\n`);
  }

  async remove(name: string): Promise<void> {
    await rm(this.directoryOf(name), { recursive: true, force: true });
  }

  async restore(): Promise<RestoredHost[]> {
    const names = await readdir(this.#directory);
    return Promise.all(names.map((name) => this.#restoreOne(name)));
  }

  async #restoreOne(name: string): Promise<RestoredHost> {
    try {
      const spec = await parsed(this.#specOf(name), HostSpec);
      const process = await parsed(this.#processOf(name), ProcessRecord);
      return { name, spec, process };
    } catch (error) {
      return { name, spec: undefined, process: undefined, problem: messageOf(error) };
    }
  }

  #specOf(name: string): string {
    return join(this.directoryOf(name), 'spec.json');
  }

  #processOf(name: string): string {
    return join(this.directoryOf(name), 'process.json');
  }
}

async function parsed<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
