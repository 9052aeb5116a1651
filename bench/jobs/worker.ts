import { NativeConnection, Worker } from '@temporalio/worker';
import { createComputeActivities } from '../../dist/activities/compute/activities.js';
import { createKubernetesCompute } from '../../dist/activities/compute/kubernetes.js';
import { beatWhileRunning } from '../../dist/workers/alive.js';
import { quietRuntime } from '../overhead/bench-worker.ts';

/** What `worker-process.ts` tells it. */
export interface JobsWorkerSettings {
  address: string;
  taskQueue: string;
  kubeconfig: string;
  namespace: string;
  image: string;
  /** The bundle of its workflow. */
  codePath: string;
}

const [told = '{}'] = process.argv.slice(2);
const { address, taskQueue, kubeconfig, namespace, image, codePath } = JSON.parse(
  told,
) as JobsWorkerSettings;

quietRuntime();
const compute = createKubernetesCompute({
  cluster: { kubeconfig },
  namespaces: { standard: namespace },
  image,
  results: 'file:///nowhere',
  registry: { trackingUri: 'http://127.0.0.1:9', allowedTypes: [] },
  artifacts: { get: () => Promise.reject(new Error('expected results in termination messages')) },
  // As small as what runs in them, so that the node takes as many as are asked for.
  classes: { cpu: { cpu: 0.01, memoryMiB: 16, gpu: 0 } },
});
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  activities: createComputeActivities({ compute }),
  workflowBundle: { codePath },
  interceptors: { activity: [beatWhileRunning] },
  // As workers/create-worker.ts sets them.
  maxCachedWorkflows: 300,
  stickyQueueScheduleToStartTimeout: '3s',
});
process.once('SIGTERM', () => {
  worker.shutdown();
});
process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ rss, heapUsed });
});
const running = worker.run();
process.send?.('ready');
await running;
process.disconnect();
await connection.close();
await compute.close();
