import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { World } from './world.js';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const MAIN = here('./remote-worker.ts');
const RUN_TYPESCRIPT = new URL('../../../scripts/typescript-sources.mjs', import.meta.url).href;

/** The workflows as one file, with the interceptor that says when an activation ends. */
export async function bundleForProcesses(): Promise<{ path: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'modelyard-bundle-'));
  const { code } = await bundleWorkflowCode({
    workflowsPath: here('../../../workflows/index.ts'),
    workflowInterceptorModules: [here('./activation-ends.ts')],
    logger: new DefaultLogger('ERROR'),
  });
  const path = join(directory, 'workflows.js');
  await writeFile(path, code);
  return {
    path,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Where a worker's process finds its server, its workflows and the outside world. */
export interface Place {
  world: Pick<World, 'address' | 'taskQueue'>;
  bundle: string;
  portsUrl: string;
}

/** A worker as a process of its own: ready, and at work once it is told to begin. */
export class WorkerProcess {
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private readonly ready: Promise<void>;

  constructor({ world, bundle, portsUrl }: Place) {
    const settings = [world.address, world.taskQueue, bundle, portsUrl];
    const args = ['--import', RUN_TYPESCRIPT, MAIN, ...settings];
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin?.on('error', () => undefined);
    this.ended = once(this.child, 'close').then(([code, signal]: (number | string | null)[]) =>
      String(signal ?? code),
    );
    this.ready = this.awaitReady();
    // A standby that never gets ready is heard of when its turn comes.
    this.ready.catch(() => undefined);
  }

  async begin(): Promise<void> {
    await this.ready;
    this.child.stdin?.write('begin\n');
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async awaitReady(): Promise<void> {
    if (!this.child.stdout) return;
    const said = once(createInterface({ input: this.child.stdout }), 'line').then(() => null);
    const ended = await Promise.race([said, this.ended]);
    if (ended !== null) throw new Error(`a worker's process ended before it was ready: ${ended}`);
  }
}

/** One worker that is always there: another one waits, ready, and takes over in the moment it dies. */
export class KeptWorker implements AsyncDisposable {
  /** How each worker that is not there any more ended: a signal's name or an exit code. */
  readonly deaths: string[] = [];
  /** Rejects when no worker is left, because one did not even get ready. */
  readonly gone: Promise<never>;
  private readonly place: Place;
  private current: WorkerProcess;
  private standby: WorkerProcess;
  private stopped = false;
  private readonly keeping: Promise<void>;

  constructor(place: Place) {
    this.place = place;
    this.current = new WorkerProcess(place);
    this.standby = new WorkerProcess(place);
    this.keeping = this.keep();
    this.gone = this.keeping.then(() => new Promise<never>(() => undefined));
    this.gone.catch(() => undefined);
  }

  /** Kills the worker; its place is taken at once. */
  kill(): void {
    this.current.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true;
    for (const worker of [this.current, this.standby]) worker.kill();
    await this.keeping.catch(() => undefined);
    await this.standby.ended;
  }

  private async keep(): Promise<void> {
    for (;;) {
      await this.current.begin().catch((error: unknown) => {
        if (!this.stopped) throw error;
      });
      const end = await this.current.ended;
      if (this.stopped) return;
      this.deaths.push(end);
      this.current = this.standby;
      this.standby = new WorkerProcess(this.place);
    }
  }
}
