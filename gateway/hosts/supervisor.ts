import { isDeepStrictEqual } from 'node:util';
import type { HostSpec, RouteTarget } from '../../temporal/contracts/route.js';
import { KeyedQueue } from '../keyed-queue.js';
import type { Log } from '../log.js';
import { Refusal } from '../refusal.js';
import type { HostCheck } from '../routes/store.js';
import type { HostFiles, RestoredHost } from './files.js';
import { DedicatedHost, type Host, type HostView } from './host.js';
import type { InstanceSettings } from './instance.js';
import type { Launcher } from './launcher.js';
import { dedicatedServer } from './plan.js';
import { SharedHost } from './shared-host.js';
import type { SharedServers } from './shared-servers.js';

export interface SupervisorParts {
  files: HostFiles;
  launcher: Launcher;
  shared: SharedServers;
  settings: InstanceSettings;
  log: Log;
  /** Most hosts kept at once. */
  maxHosts: number;
}

/** All hosts: what is wanted is on disk, so that a restart brings back the same. */
export class Supervisor implements HostCheck {
  readonly #parts: SupervisorParts;
  readonly #hosts = new Map<string, Host>();
  readonly #queue = new KeyedQueue();

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /** Adopts what still runs and starts what does not. Adopted servers have been pinged once when it resolves. */
  async restore(): Promise<void> {
    const restored = await this.#parts.files.restore();
    const wanted = restored.flatMap(({ spec }) => (spec?.kind === 'shared' ? [spec.target] : []));
    await this.#parts.shared.restore(wanted);
    await Promise.all(restored.map((host) => this.#restoreOne(host)));
  }

  get(name: string): Host | undefined {
    const host = this.#hosts.get(name);
    return host?.stopping === true ? undefined : host;
  }

  list(): HostView[] {
    return [...this.#hosts.values()].map((host) => host.view());
  }

  requireKnown(target: RouteTarget): void {
    const host = this.get(target.host);
    if (!host)
      throw new Refusal(
        409,
        'HostUnknown',
        `no host is named '${target.host}'; create it before a route names it`,
      );
    if (host.spec.modelId === target.modelId) return;
    const message = `host '${target.host}' serves ${host.spec.modelId}, the route says ${target.modelId}; name the host of that model`;
    throw new Refusal(409, 'HostMismatch', message);
  }

  requireReady(target: RouteTarget): void {
    const host = this.get(target.host);
    if (host?.serving) return;
    const { phase, detail } = host?.view() ?? { phase: 'gone', detail: 'no such host' };
    throw new Refusal(
      503,
      'HostNotReady',
      `host '${target.host}' is ${phase}: ${detail}; write the route when it is ready`,
    );
  }

  /** Creates the host, or finds the one of this name and spec. */
  ensure(spec: HostSpec): Promise<{ host: HostView; created: boolean }> {
    return this.#queue.run(spec.name, async () => {
      const there = this.#hosts.get(spec.name);
      if (there) {
        requireSameSpec(there.spec, spec);
        return { host: there.view(), created: false };
      }
      if (this.#hosts.size >= this.#parts.maxHosts) throw tooManyHosts(this.#parts.maxHosts);
      await this.#parts.files.writeSpec(spec);
      const host = this.#create(spec);
      host.run();
      return { host: host.view(), created: true };
    });
  }

  /** Gone when this resolves. Refused while `tagNaming` finds a route that names it. */
  retire(name: string, tagNaming: (host: string) => string | undefined): Promise<void> {
    return this.#queue.run(name, async () => {
      const host = this.#hosts.get(name);
      if (!host) return;
      const tag = tagNaming(name);
      if (tag !== undefined) {
        throw new Refusal(
          409,
          'HostInUse',
          `host '${name}' is named by the route of '${tag}'; change the route first`,
        );
      }
      // Marked before the first pause, so that no route write that begins now finds it.
      const stopped = host.stop();
      await this.#parts.files.forgetSpec(name);
      await stopped;
      await this.#parts.files.remove(name);
      this.#hosts.delete(name);
    });
  }

  /** Ends all model servers. They are wanted still: the next start brings them back. */
  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.stop()));
    await this.#parts.launcher.close();
    await this.#parts.shared.close();
  }

  async #restoreOne({ name, spec, process, problem }: RestoredHost): Promise<void> {
    const { files, launcher, log } = this.#parts;
    if (problem !== undefined) {
      log('host-unreadable', { host: name, problem });
      return;
    }
    if (!spec) {
      if (process) await launcher.end(process);
      await files.remove(name);
      return;
    }
    const host = this.#create(spec);
    if (host instanceof SharedHost) {
      await host.resume();
      return;
    }
    const adopted = process && launcher.adopt(dedicatedServer(spec), process);
    await adopted?.probe();
    log(adopted ? 'host-adopted' : 'host-started-again', { host: name, modelId: spec.modelId });
    host.run(adopted);
  }

  #create(spec: HostSpec): DedicatedHost | SharedHost {
    const { launcher, shared, settings, log } = this.#parts;
    const host =
      spec.kind === 'shared'
        ? new SharedHost(spec, { servers: shared, settings, log })
        : new DedicatedHost(spec, { launcher, log });
    this.#hosts.set(spec.name, host);
    return host;
  }
}

function requireSameSpec(there: HostSpec, asked: HostSpec): void {
  if (isDeepStrictEqual({ kind: 'dedicated', ...there }, { kind: 'dedicated', ...asked })) return;
  const message = `host '${there.name}' exists for ${there.modelId} with digest ${there.digest}, asked for ${asked.modelId} with digest ${asked.digest}; another spec needs another name`;
  throw new Refusal(409, 'HostConflict', message);
}

function tooManyHosts(most: number): Refusal {
  return new Refusal(
    503,
    'TooManyHosts',
    `${String(most)} hosts are kept already; retire one first`,
  );
}
