import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagWorkflowId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { createWorker } from '../../workers/create-worker.js';
import { startTemporal, type TemporalServer } from '../sdk/fixtures/server.js';

/** Nothing answers there. */
const NOWHERE = 'http://127.0.0.1:9';
/** Longer than a test may take: none of it is needed. */
const GRACE_MS = 120_000;

let server: TemporalServer;
let client: Client;
beforeAll(async () => {
  server = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
});
afterAll(async () => {
  await client.connection.close();
  await server[Symbol.asyncDispose]();
});

async function workerOf(taskQueue: string) {
  const gateway = { url: NOWHERE, adminToken: { env: 'PATH' } };
  const directory = await mkdtemp(join(tmpdir(), 'stopping-'));
  return createWorker({
    ...{ home: directory, taskQueue, temporal: { address: server.address } },
    registry: { trackingUri: NOWHERE },
    artifacts: { roots: ['mlflow-artifacts:/'] },
    compute: {
      default: 'local',
      targets: {
        local: {
          ...{ kind: 'process', directory, python: process.execPath, harness: directory },
          slots: { cpu: 1, memoryMiB: 1 },
        },
      },
    },
    hosting: { default: 'local', targets: { local: { kind: 'process', ...gateway } } },
    routing: { default: 'local', targets: { local: { kind: 'gateway', ...gateway } } },
    reconcile: { every: 'off' },
    shutdownGraceMs: GRACE_MS,
  });
}

type Described = Awaited<ReturnType<WorkflowHandle['describe']>>['raw'];

const inActivity = ({ pendingActivities }: Described): boolean =>
  Boolean(pendingActivities?.[0]?.lastStartedTime);
/** A local activity is a part of the workflow task. */
const inTask = ({ pendingWorkflowTask }: Described): boolean =>
  pendingWorkflowTask?.state ===
  proto.temporal.api.enums.v1.PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED;

describe('a worker that is told to stop', () => {
  it.each([
    ['an activity waits', WORKFLOWS.reconcile, {}, inActivity],
    ['a local activity waits', WORKFLOWS.read, { what: 'head' }, inTask],
  ])(
    'F1 ends before its grace is over, though %s for a workflow that nobody answers for',
    async (_, type, about, isIn) => {
      const tag = `${type}-unanswered`;
      const [unanswered, asking] = [tagWorkflowId(tag), `${type}-asks`];
      await client.workflow.start(WORKFLOWS.tag, {
        ...{ workflowId: unanswered, taskQueue: 'nobody', args: [{ tag }] },
      });
      const stopping = await workerOf(type);
      const done = stopping.run();
      const run = await client.workflow.start(type, {
        ...{ workflowId: asking, taskQueue: type, args: [{ ...about, tag }] },
      });
      const isUnderWay = async () => isIn((await run.describe()).raw);
      await expect.poll(isUnderWay, { timeout: 20_000 }).toBe(true);
      // Of a local activity nothing shows but a task that does not end.
      await sleep(1_000);
      expect(await isUnderWay()).toBe(true);
      await stopping.shutdown();
      await expect(done).resolves.toBeUndefined();
    },
  );
});
