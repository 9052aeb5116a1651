import { condition, isCancellation, log } from '@temporalio/workflow';
import { digestOf } from '../../temporal/digest.js';
import { tagWorkflowId } from '../../temporal/ids.js';
import type { Difference } from '../policy/tag/findings.js';
import { missedHost } from '../policy/tag/hosts.js';
import { projectionOf } from '../policy/tag/projection.js';
import { repairs } from '../proxies.js';
import type { Entity } from './entity.js';
import { repairOnce } from './lanes/repair.js';

/** How long a lane that does the work by itself is waited for; it goes on all the same when that takes longer. */
const LANE_PATIENCE = '10s';

/** Puts one difference right; false when that is not done yet, or cannot be done from here. */
export async function putRight(entity: Entity, difference: Difference): Promise<boolean> {
  try {
    switch (difference.kind) {
      case 'unavailable':
        return false;
      case 'adopted':
        return true;
      case 'route':
        return await writeRoute(entity, difference);
      case 'registry':
        return await project(entity);
      case 'missing-host':
        return await warm(entity, difference.name);
      case 'orphan-host':
        return await retire(entity, difference.name);
      case 'dead-lease':
        return await endLease(entity, difference);
    }
  } catch (error) {
    // A cancelled scope is a rollback going ahead, which writes the route itself.
    if (!isCancellation(error))
      log.warn('a difference could not be put right', {
        what: difference.what,
        said: String(error),
      });
    return false;
  }
}

/** Above whatever fence is in force. Out of sync until it reads back, so that the repair lane goes on where this ends. */
async function writeRoute(
  entity: Entity,
  { fence, what }: Extract<Difference, { kind: 'route' }>,
): Promise<boolean> {
  const { state } = entity;
  const serving = { ...state.serving, inSync: false };
  entity.set({ ...state, fence: Math.max(state.fence, fence), serving });
  return entity.lock.run(() => repairOnce(entity, what.slice(0, 400)));
}

async function project(entity: Entity): Promise<boolean> {
  if (entity.state.projected !== null) entity.set({ ...entity.state, projected: null });
  const written = (): boolean => entity.state.projected === digestOf(projectionOf(entity.state));
  return condition(written, LANE_PATIENCE);
}

async function warm(entity: Entity, name: string): Promise<boolean> {
  entity.set(missedHost(entity.state, name));
  return condition(() => entity.state.hosts[name]?.ready === true, LANE_PATIENCE);
}

/** Under the lock, so that no rollout comes to rely on the host while it goes. */
function retire(entity: Entity, name: string): Promise<boolean> {
  return entity.lock.run(async () => {
    if (name in entity.state.hosts) return false;
    await repairs.retireHost(name);
    return true;
  });
}

function endLease(
  entity: Entity,
  { lease, what }: Extract<Difference, { kind: 'dead-lease' }>,
): Promise<boolean> {
  const asked = {
    actor: 'modelyard',
    reason: what.slice(0, 400),
    workflowId: tagWorkflowId(entity.state.tag),
    key: `reconcile:${lease}`,
    hash: lease,
  };
  return entity.lock.run(async () => {
    await entity.carryOutOf({ type: 'abortRollout', by: 'tag', asked, lease, step: 0 });
    return true;
  });
}
