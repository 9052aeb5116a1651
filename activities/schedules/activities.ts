import type { ScheduleSpec } from '../../temporal/contracts/schedule.js';
import type { Schedules } from './port.js';

export interface ScheduleChange {
  tag: string;
  /** null: no schedule. */
  spec: ScheduleSpec | null;
  actor: string;
}

export function createScheduleActivities({ schedules }: { schedules: Schedules }) {
  return {
    async applySchedule({ tag, spec, actor }: ScheduleChange): Promise<void> {
      await schedules.apply(tag, spec, actor);
    },
  };
}
export type ScheduleActivities = ReturnType<typeof createScheduleActivities>;
