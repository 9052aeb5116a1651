import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';
import { createLedgerSigner } from '../../../activities/approvals/ledger-key.js';
import { closableRetries } from '../../../sdk/closable-retries.js';
import { freePort } from '../../../sdk/dev/ports.js';
import { obtainTemporalCli } from '../../../sdk/dev/setup/tools.mjs';
import { SEARCH_ATTRIBUTES } from '../../../temporal/names.js';
import { stopService } from '../../../temporal/server/service.js';
import { startDevServer } from '../../../temporal/server/start.js';
import { composeActivities, type Ports } from '../../../workers/compose.js';
import { ReplaceableApprovers } from './approvers.js';
import { MemoryArtifacts } from './artifacts.js';
import { MemoryCompute } from './compute.js';
import { MemoryMonitoring } from './monitoring.js';
import { MemoryPredictions } from './predictions.js';
import { MemoryRegistry } from './registry.js';
import { MemoryHosting, MemoryRouting } from './serving.js';

const TASK_QUEUE = 'workflows-under-test';

/** The real workflows and activities on a real Temporal server; behind the ports, a world in memory. */
export interface World extends AsyncDisposable {
  /** Where its Temporal server is, `host:port`. */
  address: string;
  client: Client;
  taskQueue: string;
  approvers: ReplaceableApprovers;
  artifacts: MemoryArtifacts;
  registry: MemoryRegistry;
  routing: MemoryRouting;
  hosting: MemoryHosting;
  monitoring: MemoryMonitoring;
  predictions: MemoryPredictions;
  compute: MemoryCompute;
  /** All that its worker works with. */
  ports: Ports;
}

export interface WorldOptions {
  /** What stands behind the ports in the place of the world in memory. */
  ports?: Partial<Ports>;
  /** Where the worker finds its server, when there is something between the two. */
  workerAddress?: (server: string) => Promise<string>;
  /** In the place of a development server. */
  server?: () => Promise<{ address: string } & AsyncDisposable>;
  /** False for tests that start workers as processes of their own. */
  worker?: boolean;
}

export async function startWorld({
  ports: others = {},
  workerAddress = (server) => Promise.resolve(server),
  worker = true,
  server: startServer = startTemporal,
}: WorldOptions = {}): Promise<World> {
  quietRuntime();
  const server = await startServer();
  const retries = closableRetries();
  const connection = await Connection.connect({
    address: server.address,
    interceptors: retries.interceptors,
  });
  const client = new Client({ connection });
  const memory = {
    approvers: new ReplaceableApprovers(),
    artifacts: new MemoryArtifacts(),
    registry: new MemoryRegistry(),
    routing: new MemoryRouting(),
    hosting: new MemoryHosting(),
    monitoring: new MemoryMonitoring(),
    predictions: new MemoryPredictions(),
    compute: new MemoryCompute(),
  };
  const signer = { ledgerSigner: createLedgerSigner(null) };
  const ports: Ports = { ...memory, ...signer, ...others };
  const working = worker
    ? await startWorker(await workerAddress(server.address), { client, ports })
    : null;
  return {
    ...{ ...memory, ports, address: server.address, client, taskQueue: TASK_QUEUE },
    async [Symbol.asyncDispose]() {
      try {
        await working?.[Symbol.asyncDispose]();
        await retries.end();
        await connection.close();
      } finally {
        await server[Symbol.asyncDispose]();
      }
    },
  };
}

export async function startWorker(
  address: string,
  { client, ports }: Pick<World, 'client' | 'ports'>,
): Promise<AsyncDisposable> {
  const native = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection: native,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundled(),
    activities: await composeActivities(ports, { client, taskQueue: TASK_QUEUE }),
    // A call that a failed test left waiting must not hold up the end.
    shutdownGraceTime: '1s',
    shutdownForceTime: '5s',
  });
  const running = worker.run();
  return {
    async [Symbol.asyncDispose]() {
      worker.shutdown();
      await running;
      await native.close();
    },
  };
}

let quiet = false;

/** Before anything of the worker's is made. Refused commands are what many tests are about; their warnings would bury a real one. */
export function quietRuntime(): void {
  if (!quiet) Runtime.install({ logger: new DefaultLogger('ERROR') });
  quiet = true;
}

let bundle: ReturnType<typeof bundleWorkflowCode> | undefined;

const bundled = (): ReturnType<typeof bundleWorkflowCode> =>
  (bundle ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  }));

async function startTemporal(): Promise<{ address: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'modelyard-workflows-'));
  const port = await freePort();
  const server = await startDevServer({
    ...{ directory, port, uiPort: await freePort([port]), namespace: 'default' },
    cli: await obtainTemporalCli({ report: () => undefined }),
    keywordAttributes: Object.keys(SEARCH_ATTRIBUTES),
    logFile: join(directory, 'temporal.log'),
    recordFile: join(directory, 'temporal.json'),
  });
  return {
    address: `127.0.0.1:${String(port)}`,
    async [Symbol.asyncDispose]() {
      await stopService(server, 10_000);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A name no other test uses. */
export const unique = (about: string): string => `${about}-${randomUUID().slice(0, 8)}`;

/** Asks again until the answer is the one awaited. */
export async function until<Answer>(
  ask: () => Answer | Promise<Answer>,
  awaited: (answer: Answer) => boolean,
  patienceMs = 30_000,
): Promise<Answer> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (awaited(answer)) return answer;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(answer)}`);
    await sleep(25);
  }
}

/** A gate that calls wait at until it is opened. */
export function latch(): { passed: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
