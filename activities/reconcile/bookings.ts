import type { Client } from '@temporalio/client';
import type { TakenBooking } from '../../temporal/contracts/pool.js';
import type { Orphan, Survey } from '../../temporal/contracts/reconcile.js';
import { poolWorkflowId, requestHash } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { answerOf, valueOr, type Answer } from './answer.js';
import { each, filtered, memoized } from './asking.js';
import type { Stores } from './observe.js';
import { isClosed } from './workflows.js';

type HeldBooking = NonNullable<Survey['bookings']>[number];
type BookingOrphan = Extract<Orphan, { kind: 'booking' }>;

/** Bookings that a run has taken, of every pool that answers. */
export async function takenBookings(
  client: Client,
  at: string,
): Promise<{ taken: HeldBooking[]; unavailable: string[] }> {
  const pools = await answerOf(() => openPools(client));
  if ('unavailable' in pools)
    return { taken: [], unavailable: [`the pools: ${pools.unavailable}`] };
  const taken: HeldBooking[] = [];
  const unavailable: string[] = [];
  await each(pools.value, async (pool) => {
    const answer = await takenOf(client, pool, at);
    taken.push(...valueOr(answer, []).map((booking) => ({ pool, ...booking })));
    if ('unavailable' in answer) unavailable.push(`the pool ${pool}: ${answer.unavailable}`);
  });
  return { taken, unavailable };
}

/** A run frees its booking and then closes: what is held after that, nobody frees. */
export async function orphanBookings(
  client: Client,
  taken: HeldBooking[],
  at: string,
): Promise<HeldBooking[]> {
  const closed = memoized((workflowId) => isClosed(client, workflowId));
  const held = await filtered(taken, ({ workflowId }) => closed(workflowId));
  const now = memoized((pool) => takenOf(client, pool, at));
  return filtered(held, async ({ pool, bookingId }) =>
    valueOr(await now(pool), []).some((booking) => booking.bookingId === bookingId),
  );
}

/** Not of a pool that is closed itself: asking it would begin it anew, without what was booked. */
export async function isOrphanBooking(
  client: Client,
  { pool, workflowId }: BookingOrphan,
): Promise<boolean> {
  if (await isClosed(client, poolWorkflowId(pool))) return false;
  return isClosed(client, workflowId);
}

/** In the name of the run that took it, which alone may free it. */
export async function freeHeld(
  { pools }: Pick<Stores, 'pools'>,
  { pool, bookingId, workflowId }: BookingOrphan,
): Promise<void> {
  const asked = {
    ...{ actor: 'modelyard', reason: `${workflowId} is closed`, workflowId },
    // A booking ends once: the next sweep that meets it is the same request.
    key: `orphan:${bookingId}`,
    hash: requestHash('freeBooking', pool, { bookingId, workflowId }),
  };
  await pools.freeBooking(pool, { asked, bookingId, as: 'cancelled' });
}

/** From visibility, which may be late: a pool that it does not show yet is looked at by the next sweep. */
async function openPools(client: Client): Promise<string[]> {
  const query = `WorkflowType = '${WORKFLOWS.pool}' AND ExecutionStatus = 'Running'`;
  const names: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query }))
    names.push(workflowId.slice(poolWorkflowId('').length));
  return names;
}

const takenOf = (client: Client, pool: string, at: string): Promise<Answer<TakenBooking[]>> =>
  answerOf(() =>
    client.workflow
      .getHandle(poolWorkflowId(pool))
      .query<TakenBooking[], [{ at: string }]>('takenBookings', { at }),
  );
