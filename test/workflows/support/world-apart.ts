import { servePorts } from './port-server.js';
import { bundleForProcesses, WorkerProcess, type Place } from './worker-processes.js';
import { startWorld, type World } from './world.js';

/** A world whose workers are processes of their own. */
export interface WorldApart extends AsyncDisposable {
  world: World;
  /** Where they find it. */
  place: Place;
  /** Another one, at work. Whoever asked for it ends it. */
  working(): Promise<WorkerProcess>;
}

export async function startWorldApart(): Promise<WorldApart> {
  await using opened = new AsyncDisposableStack();
  const world = opened.use(await startWorld({ worker: false }));
  const bundle = opened.use(await bundleForProcesses());
  const served = opened.use(await servePorts(world.ports));
  const place = { world, bundle: bundle.path, portsUrl: served.url };
  const ends = opened.move();
  return {
    world,
    place,
    async working() {
      const worker = new WorkerProcess(place);
      await worker.begin();
      return worker;
    },
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}
