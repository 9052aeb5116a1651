import { ScheduleNotFoundError } from '@temporalio/client';
import { scheduleId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { toTagStatus } from './records.js';
import { callService, type Session } from './session.js';
import { queryTag } from './tag-entity.js';
import type { TagStatus } from './types.js';

export async function tagStatus(session: Session, tag: string): Promise<TagStatus> {
  const [view, next] = await Promise.all([
    queryTag(session, tag, { definition: messages.tagStatus, args: [] }),
    nextRetrain(session, tag),
  ]);
  return toTagStatus(view, next);
}

async function nextRetrain(session: Session, tag: string): Promise<Date | null> {
  try {
    const schedule = await callService(session, () =>
      session.client.schedule.getHandle(scheduleId(tag)).describe(),
    );
    // Temporal lists the next times of a paused schedule too.
    return schedule.state.paused ? null : (schedule.info.nextActionTimes[0] ?? null);
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}
