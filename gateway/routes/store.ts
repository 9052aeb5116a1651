import type { FencedRoute, Route, RouteTarget } from '../../temporal/contracts/route.js';
import { KeyedQueue } from '../keyed-queue.js';
import { Refusal } from '../refusal.js';
import { compareFences } from './fence.js';
import type { RouteFiles } from './files.js';
import { targetsOf, targetsTakingTraffic } from './targets.js';

/** What the store asks of hosts; both throw a Refusal. */
export interface HostCheck {
  requireKnown(target: RouteTarget): void;
  requireReady(target: RouteTarget): void;
}

/** Where each tag's traffic goes. In memory for requests; a write is on disk before it is served or acknowledged. */
export class RouteStore {
  readonly #routes = new Map<string, FencedRoute>();
  readonly #beingWritten = new Map<string, FencedRoute>();
  readonly #queue = new KeyedQueue();
  readonly #files: RouteFiles;
  #unreadable: ReadonlyMap<string, string> = new Map();

  private constructor(files: RouteFiles) {
    this.#files = files;
  }

  static async open(files: RouteFiles): Promise<RouteStore> {
    const store = new RouteStore(files);
    const restored = await files.restore();
    for (const route of restored.routes) store.#routes.set(route.tag, route);
    store.#unreadable = restored.unreadable;
    return store;
  }

  /** Undefined when the tag was never written. Throws a Refusal when its file could not be read. */
  current(tag: string): FencedRoute | undefined {
    const route = this.#routes.get(tag);
    if (!route) this.#requireReadable(tag);
    return route;
  }

  /** As `current`; fence 0 and nothing live for a tag never written. */
  inForce(tag: string): FencedRoute {
    return this.current(tag) ?? { tag, fence: 0, route: { live: null } };
  }

  has(tag: string): boolean {
    return this.#routes.has(tag);
  }

  list(): FencedRoute[] {
    return [...this.#routes.values()];
  }

  unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  /** The route in force after the write. Refuses a stale fence and targets that cannot take traffic. */
  write(next: FencedRoute, hosts: HostCheck): Promise<FencedRoute> {
    return this.#queue.run(next.tag, async () => {
      const inForce = this.inForce(next.tag);
      const verdict = compareFences(inForce, next);
      if (verdict === 'stale') throw staleFence(inForce, next);
      if (verdict === 'apply') await this.#apply(inForce.route, next, hosts);
      return this.inForce(next.tag);
    });
  }

  /** A tag whose route names the host, a write that is on its way to the disk included. */
  tagNaming(host: string): string | undefined {
    for (const written of [this.#routes, this.#beingWritten]) {
      for (const { tag, route } of written.values()) {
        if (targetsOf(route).some((target) => target.host === host)) return tag;
      }
    }
    return undefined;
  }

  async #apply(before: Route, next: FencedRoute, hosts: HostCheck): Promise<void> {
    // Named before the hosts are asked and without a pause between, so that no host is retired under this write.
    this.#beingWritten.set(next.tag, next);
    try {
      for (const target of targetsOf(next.route)) hosts.requireKnown(target);
      for (const target of targetsTakingTraffic(before, next.route)) hosts.requireReady(target);
      await this.#files.write(next);
      this.#routes.set(next.tag, next);
    } finally {
      this.#beingWritten.delete(next.tag);
    }
  }

  #requireReadable(tag: string): void {
    const problem = this.#unreadable.get(tag);
    if (problem !== undefined) throw new Refusal(503, 'RouteUnreadable', problem);
  }
}

function staleFence(inForce: FencedRoute, refused: FencedRoute): Refusal {
  const why =
    refused.fence === inForce.fence
      ? `fence ${String(refused.fence)} is taken by another route`
      : `expected a fence above ${String(inForce.fence)}, got ${String(refused.fence)}`;
  const message = `the route of '${inForce.tag}' was not changed: ${why}; read the route and write with a new fence`;
  return new Refusal(409, 'StaleFence', message, { fence: inForce.fence, route: inForce.route });
}
