import { condition, getExternalWorkflowHandle, isCancellation, log } from '@temporalio/workflow';
import { turn } from '../../../temporal/messages.js';
import { tagWorkflowId } from '../../../temporal/ids.js';
import type { Ticket } from '../../policy/tag/state.js';
import { now, type Entity } from '../entity.js';

/** A turn that is not taken in this time belongs to nobody: its run is gone. */
const TURN_PATIENCE = '5m';

/** Ends a lease that its holder did not renew in time. */
export async function expiryLane(entity: Entity): Promise<never> {
  for (;;) {
    await entity.turns.wait('expiry', () => entity.state.lease !== null);
    const held = entity.state.lease;
    if (held === null) continue;
    const moved = (): boolean =>
      entity.state.lease?.id !== held.id || entity.state.lease.deadline !== held.deadline;
    if (await condition(moved, Math.max(1, Date.parse(held.deadline) - Date.now()))) continue;
    await entity.lock.run(() => expire(entity, held.id)).catch(given);
  }
}

async function expire(entity: Entity, lease: string): Promise<void> {
  const workflowId = tagWorkflowId(entity.state.tag);
  if (entity.state.lease?.id !== lease || entity.state.lease.deadline > now()) return;
  const reason = `${entity.state.lease.workflowId} did not renew its lease in time`.slice(0, 400);
  const asked = { actor: 'modelyard', reason, workflowId, key: `expire:${lease}`, hash: lease };
  await entity.carryOutOf({ type: 'abortRollout', by: 'tag', asked, lease, step: 0 });
}

/** A route that could not be written is the repair lane's from here on; a cancelled scope is a rollback going ahead. */
function given(error: unknown): void {
  if (!isCancellation(error))
    log.warn('the lease ended without its route', { said: String(error) });
}

/** Tells the waiting run that its turn has come; a run that is gone loses its place. */
export async function turnLane(entity: Entity): Promise<never> {
  for (;;) {
    const free = (): Ticket | null => (entity.state.lease === null ? entity.state.queue : null);
    await entity.turns.wait('turn', () => free() !== null);
    const ticket = free();
    if (ticket === null) continue;
    const told = await tell(ticket);
    const still = (): boolean => free()?.number === ticket.number;
    if (told && (await condition(() => !still(), TURN_PATIENCE))) continue;
    if (still()) entity.set({ ...entity.state, queue: null });
  }
}

async function tell(ticket: Ticket): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(ticket.workflowId).signal(turn, { ticket: ticket.number });
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}
