import { resolve } from 'node:path';

import { isAlive, ownIdentity } from '../../temporal/server/process-identity.mjs';
import { findRunning, signal } from '../../temporal/server/service.js';
import { layoutOf, SERVICES, type Layout, type ServiceName } from './layout.js';
import { disown, own } from './ownership.js';
import { choosePorts, type PortName, type Ports } from './ports.js';
import { startServices, type Parts, type Services } from './services.js';
import { withLock } from './setup/lock.mjs';
import type { Report } from './setup/steps.mjs';
import { stopOne, stopServices } from './shutdown.js';
import { readStackFile, writeStackFile } from './stack-file.js';
import { startWorker } from './worker.js';

/** A running stack. Everything it started ends with `stop()`, or else with the process that started it. */
export interface Stack extends AsyncDisposable {
  temporal: { address: string; namespace: string; uiUrl: string };
  mlflow: { url: string };
  gateway: { url: string };
  worker: {
    readonly pid: number;
    kill(signal?: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
    restart(): Promise<void>;
  };
  /** The process that runs the stack when this one only attached to it. */
  readonly attachedTo: number | null;
  /** Stops it for everyone. */
  stop(): Promise<void>;
}

export interface StackOptions {
  directory: string;
  ports: Partial<Ports>;
  report: Report;
}

interface Started {
  services: Services;
  attachedTo: number | null;
}

const HOLDER: Readonly<Record<PortName, ServiceName>> = {
  temporal: 'temporal',
  temporalUi: 'temporal',
  mlflow: 'mlflow',
  gateway: 'gateway',
};

/** Attaches to the stack of the directory when another process runs it; else this process becomes its owner. */
export async function startStackOf(options: StackOptions, parts: Parts): Promise<Stack> {
  const layout = layoutOf(resolve(options.directory));
  const started = await withLock(layout.lock, () => startLocked(layout, options, parts), {
    onWait: () => {
      options.report('waiting for another process that starts or stops this stack');
    },
  });
  return stackOver(layout, started);
}

async function startLocked(
  layout: Layout,
  { ports: told, report }: StackOptions,
  parts: Parts,
): Promise<Started> {
  const { ports: remembered, owner: previous } = await readStackFile(layout.stackFile);
  const running = await runningServices(layout);
  const held = new Set(
    (Object.keys(HOLDER) as PortName[]).filter((port) => running.has(HOLDER[port])),
  );
  const ports = await choosePorts({ told, remembered, held });
  const attached = previous !== null && previous.pid !== process.pid && isAlive(previous);
  const owner = attached ? previous : ownIdentity();
  await writeStackFile(layout.stackFile, { ports, owner });
  if (!attached) own(layout);
  try {
    const services = await startServices({ layout, parts, ports, told, report });
    await writeStackFile(layout.stackFile, { ports, owner });
    return { services, attachedTo: attached ? owner.pid : null };
  } catch (error) {
    if (running.size === 0) await stopLocked(layout);
    throw error;
  }
}

async function runningServices(layout: Layout): Promise<Set<ServiceName>> {
  const running = new Set<ServiceName>();
  for (const name of SERVICES) {
    if ((await findRunning(layout.record(name))) !== undefined) running.add(name);
  }
  return running;
}

async function stopLocked(layout: Layout): Promise<void> {
  await stopServices(layout);
  disown(layout);
  const { ports } = await readStackFile(layout.stackFile);
  await writeStackFile(layout.stackFile, { ports, owner: null });
}

function stackOver(layout: Layout, { services, attachedTo }: Started): Stack {
  const stop = () => withLock(layout.lock, () => stopLocked(layout));
  return {
    temporal: services.temporal,
    mlflow: services.mlflow,
    gateway: services.gateway,
    worker: workerOver(layout, services),
    attachedTo,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function workerOver(layout: Layout, { worker, workerOptions }: Services): Stack['worker'] {
  let current = worker;
  return {
    get pid() {
      return current.pid;
    },
    kill(name = 'SIGTERM') {
      if (isAlive(current)) signal(current.pid, name);
    },
    restart: () =>
      withLock(layout.lock, async () => {
        await stopOne(layout, 'worker');
        current = await startWorker(layout, workerOptions);
      }),
  };
}
