import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type {
  BookCommand,
  Booking,
  ExtendBookingCommand,
  FreeBookingCommand,
  TakeBookingCommand,
} from '../../temporal/contracts/pool.js';
import { poolWorkflowId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { askEntity, type EntityCommand } from '../tags/asking.js';

/** What a run asks of the pool that its window is booked in; a refusal comes back as the pool said it. */
export function createPoolActivities({ client, taskQueue }: { client: Client; taskQueue: string }) {
  const ask = (pool: string, update: string, command: EntityCommand): Promise<Booking> =>
    askEntity(
      client,
      { update, command },
      () =>
        new WithStartWorkflowOperation(WORKFLOWS.pool, {
          workflowId: poolWorkflowId(pool),
          taskQueue,
          args: [{ name: pool }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `slot pool ${pool}`,
        }),
    );

  return {
    bookSlot: (pool: string, command: BookCommand): Promise<Booking> => ask(pool, 'book', command),
    takeBooking: (pool: string, command: TakeBookingCommand): Promise<Booking> =>
      ask(pool, 'takeBooking', command),
    extendBooking: (pool: string, command: ExtendBookingCommand): Promise<Booking> =>
      ask(pool, 'extendBooking', command),
    freeBooking: (pool: string, command: FreeBookingCommand): Promise<Booking> =>
      ask(pool, 'freeBooking', command),
  };
}
export type PoolActivities = ReturnType<typeof createPoolActivities>;
