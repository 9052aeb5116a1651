import { condition } from '@temporalio/workflow';
import { tagWorkflowId } from '../../../temporal/ids.js';
import { nextThaw } from '../../policy/tag/freeze.js';
import { now, type Entity } from '../entity.js';

/** Ends a freeze at the time that was set for it. */
export async function thawLane(entity: Entity): Promise<never> {
  for (;;) {
    await entity.turns.wait('thaw', () => nextThaw(entity.state) !== null);
    const thaw = nextThaw(entity.state);
    if (thaw === null) continue;
    const same = (): boolean => nextThaw(entity.state)?.until === thaw.until;
    if (await condition(() => !same(), Math.max(1, Date.parse(thaw.until) - Date.now()))) continue;
    if (!same() || thaw.until > now()) continue;
    const asked = {
      actor: 'modelyard',
      reason: 'the freeze was set to end now',
      workflowId: tagWorkflowId(entity.state.tag),
      key: `thaw:${thaw.scope}:${thaw.until}`,
      hash: thaw.until,
    };
    entity.apply({ type: 'unfreeze', asked, scope: thaw.scope });
  }
}
