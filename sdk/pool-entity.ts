import { WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { Booking, PoolView, Slot } from '../temporal/contracts/pool.js';
import type { Asked } from '../temporal/contracts/tag.js';
import { EVERY_TAG, poolWorkflowId, updateId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { WORKFLOWS } from '../temporal/names.js';
import { invalidRequest } from './issues.js';
import { refusalIn } from './refusals.js';
import type { Session } from './session.js';
import { asked, settle, type Request } from './tag-entity.js';
import { askWorker } from './worker-answers.js';

/** Who asks and why. No key of the caller's: what cannot be told apart from another request is another request. */
export function askedOf(
  session: Session,
  pool: string,
  request: Omit<Request, 'tag' | 'idempotencyKey'>,
): Asked {
  const fields = { ...request.fields, pool };
  const of = asked(session, { ...request, tag: EVERY_TAG, fields });
  return { ...of, workflowId: poolWorkflowId(pool) };
}

/** Sends a command to a pool, whose workflow begins with it when there is none yet. */
export async function commandPool<Result, Command extends { asked: Asked }>(
  session: Session,
  pool: string,
  { definition, value }: { definition: UpdateDefinition<Result, [Command]>; value: Command },
): Promise<Result> {
  return settle(session, EVERY_TAG, () =>
    session.client.workflow.startUpdateWithStart<() => Promise<void>, Result, [Command]>(
      definition,
      {
        args: [value],
        updateId: updateId(definition.name, value.asked.key, value.asked.hash),
        waitForStage: 'ACCEPTED',
        // Single use by the client's rule: each try needs an operation of its own.
        startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.pool, {
          workflowId: poolWorkflowId(pool),
          taskQueue: session.options.taskQueue,
          args: [{ name: pool }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `slot pool ${pool}`,
        }),
      },
    ),
  );
}

/** More bookings than can touch one instant, so that whoever asks again from the last one's beginning gets further. */
const CALENDAR_PAGE = 4_000;

/** null when nobody has asked anything of the pool yet. */
export const poolStatus = (session: Session, pool: string): Promise<PoolView | null> =>
  orNull(() =>
    askWorker(session, () =>
      session.client.workflow
        .getHandle(poolWorkflowId(pool))
        .query(messages.poolStatus, { at: new Date().toISOString() }),
    ),
  );

/** Every booking that touches the range, earliest first: more than an answer holds may touch it. */
export async function calendarOf(session: Session, pool: string, range: Slot): Promise<Booking[]> {
  const handle = session.client.workflow.getHandle(poolWorkflowId(pool));
  const limit = CALENDAR_PAGE;
  const found = new Map<string, Booking>();
  for (let from: string | undefined = range.from; from !== undefined;) {
    const asked = { ...range, from, at: new Date().toISOString(), limit };
    const ask = (): Promise<Booking[]> => handle.query(messages.calendar, asked);
    const page: Booking[] = (await orNull(() => askWorker(session, ask))) ?? [];
    for (const booking of page) found.set(booking.bookingId, booking);
    from = page.length < limit ? undefined : page.at(-1)?.from;
  }
  return [...found.values()];
}

/** Why a run could not take a booking now; null when it could. */
export async function bookingObjection(
  session: Session,
  pool: string,
  wanted: { bookingId: string; tag: string; version: number; workflowId: string },
): Promise<messages.Objection> {
  const handle = session.client.workflow.getHandle(poolWorkflowId(pool));
  const at = new Date().toISOString();
  try {
    return await askWorker(session, () =>
      handle.query(messages.bookingObjection, { ...wanted, at }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw refusalIn(error) ?? error;
    const message = `expected a booking of the pool '${pool}', and nobody has applied that pool`;
    throw invalidRequest('shadow', [{ path: 'bookingId', message }]);
  }
}

async function orNull<Result>(ask: () => Promise<Result>): Promise<Result | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw refusalIn(error) ?? error;
  }
}
