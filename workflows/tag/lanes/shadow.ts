import { condition, isCancellation, log } from '@temporalio/workflow';
import { tagWorkflowId } from '../../../temporal/ids.js';
import { shadowDue } from '../../policy/tag/shadow.js';
import { now, type Entity } from '../entity.js';

/** Ends a mirror at its time, also when its run is gone. */
export async function shadowLane(entity: Entity): Promise<never> {
  for (;;) {
    await entity.turns.wait('shadow', () => entity.state.shadow !== null);
    const held = entity.state.shadow;
    if (held === null) continue;
    const over = (): boolean =>
      entity.state.shadow?.id !== held.id ||
      entity.state.shadow.until !== held.until ||
      shadowDue(entity.state, now()) !== null;
    await condition(over, Math.max(1, Date.parse(held.until) - Date.now()));
    await entity.lock.run(() => end(entity)).catch(given);
  }
}

async function end(entity: Entity): Promise<void> {
  const { shadow, tag } = entity.state;
  const reason = shadowDue(entity.state, now());
  if (shadow === null || reason === null) return;
  const asked = {
    actor: 'modelyard',
    reason,
    workflowId: tagWorkflowId(tag),
    key: `shadow:${shadow.id}`,
    hash: shadow.id,
  };
  await entity.carryOutOf({ type: 'endShadow', asked, shadow: shadow.id });
}

/** The mirror is out of the state by now: a route that could not be written is the repair lane's. */
function given(error: unknown): void {
  if (!isCancellation(error))
    log.warn('the mirror ended without its route', { said: String(error) });
}
