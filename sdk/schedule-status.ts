import type { ScheduleDescription } from '@temporalio/client';
import { ScheduleSpec } from '../temporal/contracts/schedule.js';
import type { ScheduleStatus } from './types.js';

/** What Temporal tells of a tag's schedule, in the words of its definition; null for a schedule that is not ours. */
export function scheduleStatus(schedule: ScheduleDescription): ScheduleStatus | null {
  const { info, state, scheduleId: id } = schedule;
  const spec = specOf(schedule);
  if (spec === null) return null;
  return {
    id,
    tag: id.startsWith('tag/') ? id.slice('tag/'.length) : null,
    spec,
    paused: state.paused ? { reason: state.note ?? '' } : null,
    next: info.nextActionTimes,
    recent: info.recentActions.map(({ scheduledAt, takenAt, action }) => ({
      scheduledAt,
      startedAt: takenAt,
      workflowId: action.workflow.workflowId,
    })),
    missed: info.numActionsMissedCatchupWindow,
    skipped: info.numActionsSkippedOverlap,
  };
}

/** Temporal turns a cron expression into calendars; the spec as it was given travels in the action's memo. */
function specOf({ action }: ScheduleDescription): ScheduleSpec | null {
  return ScheduleSpec.safeParse(action.memo?.['spec']).data ?? null;
}
