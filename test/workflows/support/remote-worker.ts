import { once } from 'node:events';
import { createInterface } from 'node:readline';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type InjectedSinks,
} from '@temporalio/worker';
import { beatWhileRunning } from '../../../workers/alive.js';
import { composeActivities } from '../../../workers/compose.js';
import { OwnCalls } from '../../../workers/own-calls.js';
import type { ActivationSinks } from './activation-ends.js';
import { pass, remotePorts } from './remote-ports.js';

// A worker with the real workflows and activities as a process of its own. It is ready when it says so, and works from the
// first line it is sent until its input ends.

const [address = '', taskQueue = '', codePath = '', portsUrl = ''] = process.argv.slice(2);

Runtime.install({ logger: new DefaultLogger('ERROR') });
const stopping = new AbortController();
const calls = new OwnCalls(stopping.signal);
const interceptors = [calls.endingWithAttempt(makeGrpcRetryInterceptor(defaultGrpcRetryOptions()))];
const connection = await Connection.connect({ address, interceptors });
const native = await NativeConnection.connect({ address });
const client = new Client({ connection });
const sinks: InjectedSinks<ActivationSinks> = {
  activations: {
    concluded: { fn: ({ workflowType }) => pass(portsUrl, workflowType), callDuringReplay: false },
  },
};
const worker = await Worker.create({
  connection: native,
  taskQueue,
  workflowBundle: { codePath },
  activities: passing(await composeActivities(remotePorts(portsUrl), { client, taskQueue })),
  sinks,
  interceptors: { activity: [beatWhileRunning, calls.endWithAttempt(connection)] },
  workflowThreadPoolSize: 1,
  maxCachedWorkflows: 100,
  // As short as a test can wait for; the product's own is longer.
  stickyQueueScheduleToStartTimeout: '1s',
  shutdownGraceTime: '1s',
  shutdownForceTime: '5s',
});
const input = createInterface({ input: process.stdin });
process.stdout.write('ready\n');
// Whoever started it may be killed itself: then nobody will ever tell it to begin.
const orphaned = (): never => process.exit();
input.once('close', orphaned);
await once(input, 'line');
input.off('close', orphaned);
input.once('close', () => {
  worker.shutdown();
  stopping.abort();
});
await worker.run();
await Promise.all([connection.close(), native.close()]);

type Activity = (...args: never[]) => unknown;

/** Every activity, which says when it begins and when it has had its effect and nobody knows it yet. */
function passing<Activities extends object>(activities: Activities): Activities {
  const watched = Object.entries(activities as Record<string, Activity>).map(([name, run]) => {
    const between = async (...args: never[]): Promise<unknown> => {
      await pass(portsUrl, `${name}:before`);
      const result = await run(...args);
      await pass(portsUrl, `${name}:after`);
      return result;
    };
    return [name, between] as const;
  });
  return Object.fromEntries(watched) as Activities;
}
