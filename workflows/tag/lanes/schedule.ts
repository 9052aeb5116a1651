import { condition, isCancellation, log } from '@temporalio/workflow';
import type { ScheduleSpec } from '../../../temporal/contracts/schedule.js';
import { digestOf } from '../../../temporal/digest.js';
import type { TagState } from '../../policy/tag/state.js';
import { schedules } from '../../proxies.js';
import type { Entity } from '../entity.js';

const RETRY_MS = 60_000;

/** The schedule that has still to be written, or null. A tag that never had one has nothing to write. */
export function scheduleWanted(
  state: TagState,
): { spec: ScheduleSpec | null; digest: string } | null {
  const spec = (state.retired ? null : state.definition?.definition.schedule) ?? null;
  if (spec === null && state.scheduled === null) return null;
  const digest = digestOf(spec);
  return digest === state.scheduled ? null : { spec, digest };
}

export async function scheduleLane(entity: Entity): Promise<never> {
  for (;;) {
    await entity.turns.wait('schedule', () => scheduleWanted(entity.state) !== null);
    const wanted = scheduleWanted(entity.state);
    if (wanted === null) continue;
    const actor = entity.state.definition?.definedBy ?? '';
    try {
      await schedules.applySchedule({ tag: entity.state.tag, spec: wanted.spec, actor });
      entity.set({ ...entity.state, scheduled: wanted.digest });
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('the schedule could not be written', { said: String(error) });
      // A corrected definition is not kept waiting.
      const corrected = (): boolean => scheduleWanted(entity.state)?.digest !== wanted.digest;
      await condition(corrected, RETRY_MS);
    }
  }
}
