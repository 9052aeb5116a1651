import {
  isGrpcServiceError,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  type ScheduleOverlapPolicy,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import type { RetrainRequest } from '../../temporal/contracts/runs.js';
import { durationMs } from '../../temporal/duration.js';
import type { ScheduleSpec } from '../../temporal/contracts/schedule.js';
import { digestOf } from '../../temporal/digest.js';
import { failure } from '../../temporal/errors.js';
import { scheduleId, slotWorkflowIdPrefix } from '../../temporal/ids.js';
import { SEARCH_ATTRIBUTES, WORKFLOWS } from '../../temporal/names.js';
import type { Schedules } from './port.js';
import { spreadOffsetMs } from './spread.js';

const OVERLAPS = {
  skip: 'SKIP',
  'buffer-one': 'BUFFER_ONE',
  'cancel-other': 'CANCEL_OTHER',
} as const satisfies Record<NonNullable<ScheduleSpec['overlap']>, ScheduleOverlapPolicy>;
const DEFAULT_CATCH_UP = '1h';
const INVALID_ARGUMENT = 3;

interface Place {
  client: Client;
  taskQueue: string;
}
type StartRetrain = ScheduleOptionsStartWorkflowAction<Workflow>;
type Wanted = ScheduleOptions<StartRetrain> & { action: StartRetrain };

/** Schedules of Temporal itself, one per tag, by the tag's name. */
export function createSchedules(place: Place): Schedules {
  return {
    async apply(tag, spec, actor) {
      const handle = place.client.schedule.getHandle(scheduleId(tag));
      if (spec === null) await remove(handle);
      else await write(place, handle, wanted(place, { tag, spec, actor }));
    },
  };
}

async function write({ client }: Place, handle: ScheduleHandle, options: Wanted): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw judged(error, options);
    await update(handle, options);
  }
  const found = await handle.describe();
  if (digestIn(found) !== options.action.memo?.['digest']) {
    // Another writer came in between; the retry makes it right, or finds it right.
    throw new Error(`schedule ${handle.scheduleId} reads back with another spec than was written`);
  }
}

async function update(handle: ScheduleHandle, { spec, action, policies }: Wanted): Promise<void> {
  try {
    await handle.update(({ state }) => ({ spec, action, ...(policies && { policies }), state }));
  } catch (error) {
    throw judged(error, { spec });
  }
}

async function remove(handle: ScheduleHandle): Promise<void> {
  try {
    await handle.delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

function wanted(
  { taskQueue }: Place,
  of: { tag: string; spec: ScheduleSpec; actor: string },
): Wanted {
  const { tag, spec, actor } = of;
  const delayMs = spreadOffsetMs(tag, durationMs(spec.spread ?? '0s') ?? 0);
  const request: RetrainRequest = {
    tag,
    trigger: 'schedule',
    actor,
    ...(delayMs > 0 && { delayMs }),
  };
  return {
    scheduleId: scheduleId(tag),
    spec: { cronExpressions: [spec.cron], timezone: spec.timezone ?? 'UTC' },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.retrain,
      workflowId: slotWorkflowIdPrefix(tag),
      taskQueue,
      args: [request],
      // Temporal cannot change a schedule's own memo later, and turns the expression into calendars: the action's memo keeps both.
      memo: { actor, spec, digest: digestOf({ spec, request, taskQueue }) },
      typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.ModelTag, value: tag }],
      staticSummary: `scheduled retrain of ${tag}`,
    },
    policies: {
      overlap: OVERLAPS[spec.overlap ?? 'skip'],
      // Written out: the server's own default is a year.
      catchupWindow: durationMs(spec.catchUp ?? DEFAULT_CATCH_UP) ?? 0,
    },
    typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.ModelTag, value: tag }],
  };
}

function digestIn({ action }: ScheduleDescription): unknown {
  return action.memo?.['digest'];
}

/**
 * Only the server parses a cron expression; what it refuses no retry can mend. The client tells its refusal as a TypeError
 * when a schedule is created and as the bare status when one is updated.
 */
function judged(error: unknown, { spec }: Pick<Wanted, 'spec'>): unknown {
  const message = refusedBecause(error);
  if (message === null) return error;
  const cron = spec.cronExpressions?.join(', ') ?? '';
  return failure('InvalidDefinition', `schedule.cron: Temporal refuses '${cron}': ${message}`, {
    details: { issues: [{ path: 'schedule.cron', message }] },
    ...(error instanceof Error && { cause: error }),
  });
}

function refusedBecause(error: unknown): string | null {
  if (error instanceof TypeError) return error.message;
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return (at.code as number) === INVALID_ARGUMENT ? at.details : null;
  }
  return null;
}
