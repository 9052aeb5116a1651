import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type NativeConnection,
  type WorkerOptions,
} from '@temporalio/worker';
import { composeActivities, type Ports } from '../../dist/workers/compose.js';
import { nothingActivities } from './nothing.ts';

const PLATFORM_CODE = fileURLToPath(new URL('../../dist/workflows/bundle.js', import.meta.url));
const HAND_WRITTEN = fileURLToPath(new URL('hand-written.ts', import.meta.url));

export interface Connections {
  client: Client;
  native: NativeConnection;
}

export interface RunningWorker {
  stop(): Promise<void>;
}

/** Workers of a benchmark say nothing but what is wrong. */
export function quietRuntime(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}

/** The platform's workflows and activities, over these ports. */
export async function startPlatformWorker(
  { client, native }: Connections,
  taskQueue: string,
  ports: Ports,
  settings: Pick<WorkerOptions, 'maxCachedWorkflows'> = {},
): Promise<RunningWorker> {
  const activities = await composeActivities(ports, { client, taskQueue });
  const workflowBundle = { codePath: PLATFORM_CODE };
  return start(native, { taskQueue, activities, workflowBundle, ...settings });
}

export async function startHandWrittenWorker(
  { native }: Connections,
  taskQueue: string,
): Promise<RunningWorker> {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: HAND_WRITTEN,
    logger: new DefaultLogger('ERROR'),
  });
  return start(native, { taskQueue, activities: nothingActivities, workflowBundle });
}

async function start(
  connection: NativeConnection,
  options: Pick<
    WorkerOptions,
    'taskQueue' | 'activities' | 'workflowBundle' | 'maxCachedWorkflows'
  >,
): Promise<RunningWorker> {
  // As workers/create-worker.ts sets them.
  const settings = { maxCachedWorkflows: 300, stickyQueueScheduleToStartTimeout: '3s' } as const;
  const worker = await Worker.create({ ...settings, ...options, connection });
  const running = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await running;
    },
  };
}
