import { isCancellation, log, sleep, uuid4 } from '@temporalio/workflow';
import type { Registration } from '../../../temporal/contracts/platform.js';
import type { Asked } from '../../../temporal/contracts/tag.js';
import { platformWorkflowId, tagWorkflowId } from '../../../temporal/ids.js';
import { rulesOf } from '../../policy/tag/logic.js';
import type { Freeze, TagState } from '../../policy/tag/state.js';
import { pushes } from '../../proxies.js';
import { now, type Entity } from '../entity.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Makes the tag known to the platform and does as it says, until what it says is what holds here: from then on it pushes every
 * change. An answer that a push overtook may be the older of the two, so that the platform is asked once more.
 */
export async function registerLane(entity: Entity): Promise<never> {
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    await entity.turns.wait('register', () => isDue(entity.state));
    const before = entity.state.platformFrozen;
    const answer = await quietly(() => ask(entity.state));
    if (answer === null) {
      await sleep(pauseMs, { summary: 'until the platform is asked again' });
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      continue;
    }
    pauseMs = FIRST_PAUSE_MS;
    // Under the lock: a promotion that is being written is settled before a freeze begins.
    await entity.lock.run(async () => {
      await Promise.resolve();
      if (entity.state.platformFrozen !== before) return;
      if (!follow(entity, answer.frozen)) entity.set({ ...entity.state, registered: true });
    });
  }
}

const isDue = (state: TagState): boolean =>
  rulesOf(state).tagsRegister && state.definition !== null && !state.registered;

function ask({ tag, definition }: TagState): Promise<Registration> {
  const owner = definition?.definition.owner.team ?? '';
  // A key for each question: the answer is what holds at that time.
  return pushes.registerTag({ asked: asking(tag, uuid4()), tag, owner });
}

const asking = (tag: string, key: string): Asked => ({
  actor: 'modelyard',
  reason: 'the tag was defined',
  workflowId: tagWorkflowId(tag),
  key: `register:${key}`,
  hash: tag,
});

/** Takes one step towards what the platform says; false when there is none to take. */
function follow(entity: Entity, said: Freeze | null): boolean {
  const held = entity.state.platformFrozen;
  // A freeze that ends before it begins here is none.
  const wanted = said?.until != null && said.until <= now() ? null : said;
  if (held !== null && (wanted === null || wanted.until !== held.until)) {
    const asked = following('modelyard', 'the platform is not frozen so any more');
    entity.apply({ type: 'unfreeze', scope: 'platform', asked });
    return true;
  }
  if (held !== null || wanted === null) return false;
  const { by, reason, until } = wanted;
  const end = until === null ? {} : { until };
  entity.apply({ type: 'freeze', scope: 'platform', asked: following(by, reason), ...end });
  return true;
}

const following = (actor: string, reason: string): Asked => ({
  actor,
  reason,
  workflowId: platformWorkflowId,
  key: 'register',
  hash: '',
});

async function quietly<Answer>(work: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the platform could not be asked', { said: String(error) });
    return null;
  }
}
