import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { notice } from '../../../temporal/messages.js';
import type { Entity } from '../entity.js';

/** Sends what runs have to be told, in order; one that is gone needs no word. */
export async function noticeLane(entity: Entity): Promise<never> {
  for (;;) {
    await entity.turns.wait('notices', () => entity.state.notices.length > 0);
    const [next] = entity.state.notices;
    if (!next) continue;
    try {
      await getExternalWorkflowHandle(next.workflowId).signal(notice, next.notice);
    } catch (error) {
      if (isCancellation(error)) throw error;
    }
    entity.set({
      ...entity.state,
      notices: entity.state.notices.filter((waiting) => waiting !== next),
    });
  }
}
