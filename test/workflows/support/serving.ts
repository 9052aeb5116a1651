import type { Hosting, KeptHost } from '../../../activities/hosting/port.js';
import type { Routing } from '../../../activities/routing/port.js';
import type {
  FencedRoute,
  HostObservation,
  HostSpec,
  Route,
} from '../../../temporal/contracts/route.js';
import { digestOf } from '../../../temporal/digest.js';
import { failure } from '../../../temporal/errors.js';

export interface RouteWrite {
  tag: string;
  fence: number;
  live: string | null;
  route: Route;
  refused: boolean;
}

/** A route store in memory that keeps the fence. `before` is what happens to a write on its way. */
export class MemoryRouting implements Routing {
  readonly writes: RouteWrite[] = [];
  before: (tag: string, fence: number) => unknown = () => undefined;
  private readonly routes = new Map<string, FencedRoute>();

  async write(tag: string, route: Route, fence: number): Promise<FencedRoute> {
    await this.before(tag, fence);
    const inForce = this.at(tag);
    const refused =
      fence < inForce.fence ||
      (fence === inForce.fence && digestOf(route) !== digestOf(inForce.route));
    this.writes.push({ tag, fence, live: route.live?.modelId ?? null, route, refused });
    if (refused)
      throw failure('StaleFence', `fence ${String(inForce.fence)} is in force`, {
        details: { ...inForce },
      });
    const written = { tag, fence, route };
    this.routes.set(tag, written);
    return written;
  }

  read(tag: string): Promise<FencedRoute> {
    return Promise.resolve(this.at(tag));
  }

  list(): Promise<FencedRoute[]> {
    return Promise.resolve([...this.routes.values()]);
  }

  /** What somebody writes past the platform. */
  overwrite(route: FencedRoute): void {
    this.routes.set(route.tag, route);
  }

  at(tag: string): FencedRoute {
    return this.routes.get(tag) ?? { tag, fence: 0, route: { live: null } };
  }

  writesOf(tag: string): RouteWrite[] {
    return this.writes.filter((write) => write.tag === tag);
  }
}

/** Hosts in memory: ready at once, unless `observed` says otherwise of one. */
export class MemoryHosting implements Hosting {
  readonly hosts = new Map<string, HostSpec>();
  /** When a model's host was retired, by model id. */
  readonly retiredAt = new Map<string, Date>();
  observed: (spec: HostSpec) => HostObservation['phase'] = () => 'ready';

  ensure(host: HostSpec): Promise<void> {
    const known = this.hosts.get(host.name);
    if (known && digestOf(known) !== digestOf(host))
      return Promise.reject(failure('HostFailed', `another host has the name ${host.name}`));
    this.hosts.set(host.name, host);
    return Promise.resolve();
  }

  observe(name: string): Promise<HostObservation> {
    const spec = this.hosts.get(name);
    const phase = spec ? this.observed(spec) : 'gone';
    const digest = phase === 'ready' && spec ? spec.digest : null;
    return Promise.resolve({ phase, digest, detail: `as the test has it: ${phase}` });
  }

  /** Waited for by every host that is being retired. */
  leaving: (modelId: string) => Promise<void> = () => Promise.resolve();

  async retire(name: string): Promise<void> {
    const spec = this.hosts.get(name);
    if (!spec) return;
    await this.leaving(spec.modelId);
    this.retiredAt.set(spec.modelId, new Date());
    this.hosts.delete(name);
  }

  list(): Promise<KeptHost[]> {
    const kept = [...this.hosts.values()].map(({ name, modelId }) => ({ name, modelId }));
    return Promise.resolve(kept);
  }

  modelsOf(tag: string): string[] {
    return [...this.hosts.values()]
      .map(({ modelId }) => modelId)
      .filter((id) => id.startsWith(`${tag}/`))
      .sort();
  }
}
