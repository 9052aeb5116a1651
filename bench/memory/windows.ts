import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Platform } from 'modelyard';
import { startStack } from 'modelyard/dev';
import { poolWorkflowId, shadowWorkflowId } from '../../dist/temporal/ids.js';
import type { ShadowRequest } from '../../dist/temporal/contracts/runs.js';
import type { Context } from '../context.ts';
import { definitionOf, platformOn } from '../overhead.ts';
import { quietRuntime, startPlatformWorker } from '../overhead/bench-worker.ts';
import { instantPorts } from '../overhead/instant-ports.ts';
import { Runs } from '../overhead/runs.ts';

const QUEUE = 'bench-memory';
const TAG = 'parked';
/** Windows of one pool, which are started at once. */
const TOGETHER = 20;
/** Until `before`, so that what the first ones leave is not counted. */
const WARM_UP = 2 * TOGETHER;
const HOUR_MS = 3_600_000;

/**
 * Shadow runs that wait for their slots, in a worker of this process that caches all of them; before and after, by `rss`.
 * They are of one tag, so that windows are measured and not tags.
 */
export async function parkWindows(
  { directory, say }: Context,
  count: number,
  rss: (pid: number) => Promise<number>,
): Promise<[before: number, after: number]> {
  quietRuntime();
  say('starting a stack');
  await using stack = await startStack({ directory: join(directory, 'stack') });
  const { address } = stack.temporal;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection });
  const settings = { maxCachedWorkflows: 2 * count };
  const worker = await startPlatformWorker({ client, native }, QUEUE, instantPorts(), settings);
  try {
    await using platform = await platformOn(stack, QUEUE);
    await prepare(platform, new Runs(client));
    const park = (name: string): Promise<void> => parkInPool({ platform, client }, name);
    for (let parked = 0; parked < WARM_UP; parked += TOGETHER)
      await park(`first-${String(parked)}`);
    const before = await rss(process.pid);
    say(`parking ${String(count)} windows`);
    for (let parked = 0; parked < count; parked += TOGETHER) await park(`then-${String(parked)}`);
    return [before, await rss(process.pid)];
  } finally {
    await worker.stop();
    await Promise.all([connection.close(), native.close()]);
  }
}

/** A tag with a live model and one before it. */
async function prepare(platform: Platform, runs: Runs): Promise<void> {
  await platform.models.apply(definitionOf(TAG, true));
  for (const _ of ['previous', 'live']) await runs.retrainToLive(TAG, QUEUE);
}

async function parkInPool(
  { platform, client }: { platform: Platform; client: Client },
  pool: string,
): Promise<void> {
  await platform.shadowPools.apply({ name: pool, slots: TOGETHER });
  const keys = Array.from({ length: TOGETHER }, (_, index) => `${pool}-${String(index)}`);
  const start = (key: string) =>
    client.workflow.start('shadow', {
      workflowId: shadowWorkflowId(TAG, 1, key),
      taskQueue: QUEUE,
      args: [requestOf(pool)],
    });
  await Promise.all(keys.map(start));
  while ((await active(client, pool)) < TOGETHER) await sleep(100);
}

function requestOf(pool: string): ShadowRequest {
  const from = Date.now() + 24 * HOUR_MS;
  return {
    ...{ tag: TAG, version: 1, actor: 'bench', reason: 'measured', pool, whenFull: 'refuse' },
    from: new Date(from).toISOString(),
    until: new Date(from + HOUR_MS).toISOString(),
    ...{ minRequests: 0, checks: [{ metric: 'error_rate', max: 0.1 }] },
  };
}

async function active(client: Client, pool: string): Promise<number> {
  const at = new Date().toISOString();
  const handle = client.workflow.getHandle(poolWorkflowId(pool));
  return (await handle.query<{ active: number }, [object]>('poolStatus', { at })).active;
}
