import { isCancellation, log, sleep } from '@temporalio/workflow';
import type { Entity } from '../entity.js';

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;
const UNCONFIRMED = 'the last write of the route was not confirmed';

/** After a write whose outcome is not known, writes the route that the state means until it reads back. */
export async function repairLane(entity: Entity): Promise<never> {
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const due = (): boolean => !entity.state.serving.inSync && entity.state.intent === null;
    await entity.turns.wait('repair', due);
    const repaired = await entity.lock.run(() => repairOnce(entity, UNCONFIRMED)).catch(given);
    if (!repaired) await sleep(pauseMs, { summary: 'until the route is written again' });
    pauseMs = repaired ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

/** Whether the route is in force, written here or meanwhile by somebody else. Under the lock. */
export async function repairOnce(entity: Entity, reason: string): Promise<boolean> {
  if (entity.state.serving.inSync || entity.state.intent !== null) return true;
  entity.apply({ type: 'repair', reason });
  const entry = await entity.carryOutPending();
  return entry?.outcome === 'applied';
}

/** A cancelled scope is a rollback going ahead, which writes the route itself; the lane itself is cancelled as a whole. */
function given(error: unknown): boolean {
  if (isCancellation(error)) return true;
  log.warn('the route could not be repaired', { said: String(error) });
  return false;
}
