import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import type { ReconcileRequest } from '../temporal/contracts/reconcile.js';
import { durationMs } from '../temporal/duration.js';
import { RECONCILE_SCHEDULE_ID, reconcileWorkflowId } from '../temporal/ids.js';
import { WORKFLOWS } from '../temporal/names.js';

type Action = ScheduleOptionsStartWorkflowAction<Workflow>;
type Wanted = ScheduleOptions<Action> & { action: Action };

/** An alias that is moved by hand is found within a minute: one sweep may just have passed it. */
const EVERY = '30s';
/** A sweep that was missed says nothing that the next one does not. */
const CATCH_UP = '1m';

/** Makes the sweeps of this namespace what the worker's configuration says; the worker that starts last decides. */
export async function scheduleSweeps(
  client: Client,
  taskQueue: string,
  every = EVERY,
): Promise<void> {
  if (every === 'off') await remove(client);
  else await write(client, wanted(taskQueue, every));
}

async function write(client: Client, options: Wanted): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { spec, action, policies } = options;
    await client.schedule
      .getHandle(RECONCILE_SCHEDULE_ID)
      // Whether somebody paused it stays as it is.
      .update(({ state }) => ({ spec, action, ...(policies && { policies }), state }));
  }
}

async function remove(client: Client): Promise<void> {
  try {
    await client.schedule.getHandle(RECONCILE_SCHEDULE_ID).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

function wanted(taskQueue: string, every: string): Wanted {
  const everyMs = durationMs(every) ?? 0;
  const request: ReconcileRequest = { everyMs };
  return {
    scheduleId: RECONCILE_SCHEDULE_ID,
    spec: { intervals: [{ every: everyMs }] },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.reconcile,
      workflowId: reconcileWorkflowId(null),
      taskQueue,
      args: [request],
      workflowExecutionTimeout: '30m',
      staticSummary: 'compares the stores with what the tags mean',
    },
    policies: { overlap: 'SKIP', catchupWindow: CATCH_UP },
  };
}
