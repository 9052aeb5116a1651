import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createLedgerSigner } from '../../../activities/approvals/ledger-key.js';
import { composeActivities } from '../../../workers/compose.js';
import { ReplaceableApprovers } from './approvers.js';
import { MemoryArtifacts } from './artifacts.js';
import { MemoryCompute } from './compute.js';
import { MemoryMonitoring } from './monitoring.js';
import { MemoryPredictions } from './predictions.js';
import { MemoryRegistry } from './registry.js';
import { MemoryHosting, MemoryRouting } from './serving.js';

/** `shifted-worker-main.ts ADDRESS TASK_QUEUE`: a worker in a process of its own, with a world in memory that nobody else sees. */
async function main(address: string, taskQueue: string): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const client = new Client({ connection: await Connection.connect({ address }) });
  const ports = {
    approvers: new ReplaceableApprovers(),
    registry: new MemoryRegistry(),
    routing: new MemoryRouting(),
    hosting: new MemoryHosting(),
    monitoring: new MemoryMonitoring(),
    predictions: new MemoryPredictions(),
    compute: new MemoryCompute(),
    artifacts: new MemoryArtifacts(),
    ledgerSigner: createLedgerSigner(null),
  };
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address }),
    taskQueue,
    workflowsPath: fileURLToPath(new URL('../../../workflows/index.ts', import.meta.url)),
    activities: await composeActivities(ports, { client, taskQueue }),
  });
  process.stdout.write(`${JSON.stringify({ event: 'ready', at: new Date().toISOString() })}\n`);
  await worker.run();
}

const [address = '', taskQueue = ''] = process.argv.slice(2);
await main(address, taskQueue);
