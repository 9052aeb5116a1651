import { condition, isCancellation, log } from '@temporalio/workflow';
import { acknowledged } from '../../policy/platform/directory.js';
import { orderOf, type Order } from '../../policy/platform/freeze.js';
import { pushes } from '../../proxies.js';
import type { Platform } from '../entity.js';

/** What one activity tells: few events for thousands of tags, and soon over when something newer is to be told. */
const BATCH = 100;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Tells every tag the newest freeze, or its end, until it has acknowledged it. One batch at a time: a tag is never told
 * something newer while something older is still on its way to it.
 */
export async function pushLane(platform: Platform): Promise<never> {
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    await platform.turns.wait('push', () => platform.state.pending.length > 0);
    const { seq } = platform.state;
    await pushRound(platform);
    const over = (): boolean => platform.state.seq !== seq || platform.state.pending.length === 0;
    if (!over()) await condition(over, pauseMs);
    pauseMs = over() ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

/** Every tag that is pending now, once; ends early when there is something newer to tell. */
async function pushRound(platform: Platform): Promise<void> {
  const order = orderOf(platform.state);
  const { pending } = platform.state;
  for (let at = 0; order !== null && at < pending.length; at += BATCH) {
    if (platform.state.seq !== order.number) return;
    const told = await pushed(order, pending.slice(at, at + BATCH));
    platform.set(acknowledged(platform.state, order.number, told));
  }
}

async function pushed({ frozen, asked }: Order, tags: string[]): Promise<string[]> {
  const scope = 'platform' as const;
  try {
    if (frozen === null) return await pushes.pushThaw(tags, { asked, scope });
    const until = frozen.until === null ? {} : { until: frozen.until };
    return await pushes.pushFreeze(tags, { asked, scope, ...until });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('tags could not be told of the freeze', { tags: tags.length, said: String(error) });
    return [];
  }
}
