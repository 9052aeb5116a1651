import { open, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

import { ensureService, type RecordedService } from '../../temporal/server/service.js';
import type { Layout } from './layout.js';
import type { Tools } from './setup/tools.mjs';

export interface WorkerOptions {
  node: string;
  entry: string;
  build: string;
  temporal: { address: string; namespace: string; uiUrl: string };
  trackingUri: string;
  gatewayUrl: string;
  adminToken: string;
  tools: Tools;
}

const ADMIN_TOKEN_VARIABLE = 'MODELYARD_GATEWAY_ADMIN_TOKEN';
const JOB_MEMORY_MIB = 8192;

export async function startWorker(
  layout: Layout,
  options: WorkerOptions,
): Promise<RecordedService> {
  const { node, entry, build, adminToken, tools } = options;
  const config = JSON.stringify(workerConfig(layout, options), null, 2);
  await writeFile(layout.workerConfigFile, config);
  return await ensureService(
    {
      name: 'The worker',
      command: node,
      args: [entry, '--config', layout.workerConfigFile],
      env: { [ADMIN_TOKEN_VARIABLE]: adminToken, MODELYARD_HOME: tools.home },
      version: `${build} ${config}`,
      logFile: layout.log('worker'),
      recordFile: layout.record('worker'),
    },
    { probe: (service) => saidReady(layout.log('worker'), service), timeoutMs: 60_000 },
  );
}

function workerConfig(
  layout: Layout,
  { temporal, trackingUri, gatewayUrl, tools }: WorkerOptions,
): object {
  const gateway = { url: gatewayUrl, adminToken: { env: ADMIN_TOKEN_VARIABLE } };
  const processes = {
    kind: 'process',
    directory: layout.jobs,
    python: tools.python,
    harness: tools.harness,
    slots: { cpu: Math.max(2, availableParallelism()), memoryMiB: JOB_MEMORY_MIB },
  };
  return {
    temporal: { address: temporal.address, namespace: temporal.namespace },
    taskQueue: 'modelyard',
    home: tools.home,
    webUi: temporal.uiUrl,
    registry: { trackingUri },
    artifacts: { roots: ['mlflow-artifacts:/'], allowedTypes: [] },
    compute: { default: 'local', targets: { local: processes } },
    hosting: { default: 'local', targets: { local: { kind: 'process', ...gateway } } },
    routing: { default: 'local', targets: { local: { kind: 'gateway', ...gateway } } },
  };
}

/** The worker has no port to ask: it prints one line of JSON when it polls. */
async function saidReady(logFile: string, { pid, logStart }: RecordedService): Promise<boolean> {
  const file = await open(logFile);
  try {
    for await (const line of file.readLines({ start: logStart })) {
      if (isReadyLine(line, pid)) return true;
    }
    return false;
  } finally {
    await file.close().catch(() => undefined); // reading to the end has closed it already
  }
}

function isReadyLine(line: string, pid: number): boolean {
  if (!line.startsWith('{') || !line.includes('"ready"')) return false;
  try {
    const message = JSON.parse(line) as { event?: unknown; pid?: unknown };
    return message.event === 'ready' && message.pid === pid;
  } catch {
    return false;
  }
}
