import { KeyedQueue } from '../keyed-queue.js';
import type { HostFiles, RestoredHost } from './files.js';
import { KeptServer } from './kept-server.js';
import type { ServerParts } from './launcher.js';
import { sharedServer, type SharedRoom } from './plan.js';

/** The servers that shared hosts have in common, one for each target: started for the first host, ended with the last. */
export class SharedServers {
  readonly #files: HostFiles;
  readonly #parts: ServerParts;
  readonly #room: SharedRoom;
  readonly #kept = new Map<string, { server: KeptServer; hosts: number }>();
  readonly #queue = new KeyedQueue();

  constructor(parts: ServerParts & { files: HostFiles; room: SharedRoom }) {
    this.#parts = { launcher: parts.launcher, log: parts.log };
    this.#files = parts.files;
    this.#room = parts.room;
  }

  /** Adopts the servers of these targets that still run, and ends those that no host wants any more. */
  async restore(targets: Iterable<string>): Promise<void> {
    const wanted = new Map([...targets].map((target) => [this.#nameOf(target), target]));
    const restored = await this.#files.restore();
    await Promise.all(restored.map((server) => this.#restoreOne(server, wanted.get(server.name))));
  }

  /** The server of the target, started when there is none. Each take is followed by one `leave`. */
  take(target: string): Promise<KeptServer> {
    return this.#queue.run(target, () => {
      const kept = this.#kept.get(target) ?? this.#start(target);
      kept.hosts += 1;
      return Promise.resolve(kept.server);
    });
  }

  /** Resolves, for the last that leaves, when the process is gone. */
  leave(target: string): Promise<void> {
    return this.#queue.run(target, async () => {
      const kept = this.#kept.get(target);
      if (!kept) return;
      kept.hosts -= 1;
      if (kept.hosts > 0) return;
      await kept.server.stop();
      await this.#files.remove(this.#nameOf(target));
      this.#kept.delete(target);
    });
  }

  async close(): Promise<void> {
    await this.#parts.launcher.close();
  }

  async #restoreOne(
    { name, process, problem }: RestoredHost,
    target: string | undefined,
  ): Promise<void> {
    const { launcher, log } = this.#parts;
    if (problem !== undefined) log('host-unreadable', { host: name, problem });
    if (target === undefined) {
      if (process) await launcher.end(process);
      await this.#files.remove(name);
      return;
    }
    const adopted = process && launcher.adopt(sharedServer(target, this.#room), process);
    await adopted?.probe();
    log(adopted ? 'host-adopted' : 'host-started-again', { host: name });
    this.#start(target, adopted);
  }

  #start(
    target: string,
    adopted?: Parameters<KeptServer['run']>[0],
  ): { server: KeptServer; hosts: number } {
    const server = new KeptServer(sharedServer(target, this.#room), this.#parts);
    const kept = { server, hosts: 0 };
    this.#kept.set(target, kept);
    server.run(adopted);
    return kept;
  }

  #nameOf(target: string): string {
    return sharedServer(target, this.#room).name;
  }
}
