import { condition } from '@temporalio/workflow';
import { platformWorkflowId } from '../../../temporal/ids.js';
import { now } from '../../tag/entity.js';
import type { Platform } from '../entity.js';

/** Ends the freeze of every tag at the time that was set for it; each tag knows that time, too. */
export async function thawLane(platform: Platform): Promise<never> {
  const until = (): string | null => platform.state.frozen?.until ?? null;
  for (;;) {
    await platform.turns.wait('thaw', () => until() !== null);
    const end = until();
    if (end === null) continue;
    const changed = (): boolean => until() !== end;
    if (await condition(changed, Math.max(1, Date.parse(end) - Date.now()))) continue;
    if (changed() || end > now()) continue;
    const asked = {
      actor: 'modelyard',
      reason: 'the freeze was set to end now',
      workflowId: platformWorkflowId,
      key: `thaw:${end}`,
      hash: end,
    };
    platform.apply({ type: 'unfreezeAll', asked });
  }
}
