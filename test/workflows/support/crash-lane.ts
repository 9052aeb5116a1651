import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { played, type Effects, type Scenario } from './crash-scenarios.js';
import { servePorts, type Passing } from './port-server.js';
import { KeptWorker } from './worker-processes.js';
import { startWorld, type World } from './world.js';

/** The longest wait of a scenario is a minute, for an activity without a heartbeat. */
const PATIENCE_MS = 240_000;

/** What came of a scenario whose worker was to die at a point. */
export interface Played {
  /** Every point that was passed, in order: `<activity>:<n>:<before|after>`, `<workflow type>:<n>`. */
  points: string[];
  /** How the worker died, when the point was reached. */
  death: string | null;
  effects: Effects;
}

/** A Temporal server, an outside world and a worker's process, where one scenario is played after the other. */
export class CrashLane implements AsyncDisposable {
  private readonly world: World;
  private readonly served: Awaited<ReturnType<typeof servePorts>>;
  private readonly worker: KeptWorker;
  private readonly door: Door;

  private constructor(of: LaneParts) {
    this.world = of.world;
    this.served = of.served;
    this.worker = of.worker;
    this.door = of.door;
  }

  static async open(bundle: string): Promise<CrashLane> {
    const world = await startWorld({ worker: false });
    const door = new Door();
    const served = await servePorts(world.ports, door.passing);
    const worker = new KeptWorker({ world, bundle, portsUrl: served.url });
    return new CrashLane({ world, served, worker, door });
  }

  /** Plays it to its end; with a point, the worker kills itself there, and another one goes on. */
  async play(scenario: Scenario, point: string | null): Promise<Played> {
    const tag = await scenario.prepare(this.world);
    const deaths = this.worker.deaths.length;
    this.door.watch(point);
    const effects = await Promise.race([
      played(this.world, scenario, tag),
      this.worker.gone,
      sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
        throw new Error(`no end after ${String(PATIENCE_MS)} ms: ${tag.tag}`);
      }),
    ]);
    const death = this.worker.deaths[deaths] ?? null;
    return { points: this.door.passed, death, effects };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker[Symbol.asyncDispose]();
    await this.served[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }
}

interface LaneParts {
  world: World;
  served: Awaited<ReturnType<typeof servePorts>>;
  worker: KeptWorker;
  door: Door;
}

/** Where every worker of a lane passes: counts the times, over the deaths of workers, and closes once at the point it watches. */
class Door {
  passed: string[] = [];
  private readonly times = new Map<string, number>();
  private point: string | null = null;

  watch(point: string | null): void {
    this.passed = [];
    this.times.clear();
    this.point = point;
  }

  readonly passing: Passing = (place) => {
    const times = (this.times.get(place) ?? 0) + 1;
    this.times.set(place, times);
    const [name, when] = place.split(':');
    const point = [name, times, ...(when === undefined ? [] : [when])].join(':');
    this.passed.push(point);
    if (point !== this.point) return 'go';
    this.point = null;
    return 'die';
  };
}

/** The names of what differs between two results; none: they are the same. */
export const differing = (seen: Effects, wanted: Effects): string[] =>
  (Object.keys(wanted) as (keyof Effects)[]).filter(
    (name) => !isDeepStrictEqual(seen[name], wanted[name]),
  );
