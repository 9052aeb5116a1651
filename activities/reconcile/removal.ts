import { parseModelId, tagWorkflowId } from '../../temporal/ids.js';
import type { Orphan } from '../../temporal/contracts/reconcile.js';
import { freeHeld, isOrphanBooking } from './bookings.js';
import type { Stores } from './observe.js';
import { isClosed, lookUp } from './workflows.js';

/**
 * Removes what belonged to nobody when it was found, and still does: a run that was started again under its id has adopted its
 * job and its record meanwhile. False: it has an owner again.
 */
export async function removeOrphan(stores: Stores, orphan: Orphan, at: string): Promise<boolean> {
  if (!(await isOrphan(stores, orphan))) return false;
  const { compute, hosting, registry } = stores;
  if (orphan.kind === 'host') await hosting.retire(orphan.name);
  if (orphan.kind === 'job')
    await compute.cancel({ name: orphan.name, target: orphan.target, uid: '' });
  if (orphan.kind === 'run') await registry.closeRun(orphan.runId, { status: 'KILLED', at });
  if (orphan.kind === 'booking') await freeHeld(stores, orphan);
  return true;
}

async function isOrphan({ client }: Stores, orphan: Orphan): Promise<boolean> {
  if (orphan.kind === 'host') {
    const { tag } = parseModelId(orphan.modelId);
    return (await lookUp(client, tag)) === 'absent';
  }
  if (orphan.kind === 'booking') return isOrphanBooking(client, orphan);
  return isClosed(client, orphan.kind === 'job' ? orphan.owner : orphan.workflowId);
}

/** Whether a run is of a tag of this platform: what another one shares the stores with is its own to remove. */
export async function isOurs(
  { client }: Pick<Stores, 'client'>,
  workflowId: string,
): Promise<boolean> {
  const [, tag = ''] = workflowId.split('/');
  return !(await isClosed(client, tagWorkflowId(tag)));
}
