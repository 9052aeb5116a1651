import type { ScheduleHandle } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { slotWorkflowId } from '../temporal/ids.js';
import { UnknownRunError } from './errors.js';
import { invalidRequest } from './issues.js';
import { describeRun } from './run-watch.js';
import { callService, type Session } from './session.js';

/** What Temporal buffers for one schedule. */
const MAX_SLOTS = 1000;
const CONCURRENT_LOOKUPS = 16;

/**
 * Runs the slots of [from, until) one after the other, oldest first. A slot that completed or is running is left alone:
 * Temporal would start it again under the same id.
 */
export async function backfillSlots(
  session: Session,
  schedule: ScheduleHandle,
  of: { tag: string; from: Date; until: Date },
): Promise<void> {
  const slots = await slotsBetween(session, schedule.scheduleId, of);
  if (slots.length > MAX_SLOTS) {
    const message = `expected at most ${String(MAX_SLOTS)} slots, got ${String(slots.length)}; backfill in shorter ranges`;
    throw invalidRequest('schedules.backfill', [{ path: 'range', message }]);
  }
  const due: Date[] = [];
  for (let at = 0; at < slots.length; at += CONCURRENT_LOOKUPS) {
    const batch = slots.slice(at, at + CONCURRENT_LOOKUPS);
    const isDue = await Promise.all(batch.map((slot) => needsRun(session, of.tag, slot)));
    due.push(...batch.filter((_, index) => isDue[index]));
  }
  if (due.length === 0) return;
  const backfills = due.map((slot) => ({ start: slot, end: slot, overlap: 'BUFFER_ALL' as const }));
  await callService(session, () => schedule.backfill(backfills));
}

async function slotsBetween(
  session: Session,
  scheduleId: string,
  { from, until }: { from: Date; until: Date },
): Promise<Date[]> {
  const response = await callService(session, () =>
    session.connection.workflowService.listScheduleMatchingTimes({
      namespace: session.options.temporal.namespace,
      scheduleId,
      startTime: msToTs(from.getTime() - 1),
      endTime: msToTs(until.getTime()),
    }),
  );
  return (
    response.startTime
      .map(({ seconds }) => new Date(Number(seconds ?? 0) * 1000))
      // The server's bounds are its own affair; ours are written out, so that two ranges can meet.
      .filter((slot) => slot >= from && slot < until)
  );
}

async function needsRun(session: Session, tag: string, slot: Date): Promise<boolean> {
  const nominal = slot.toISOString().replace('.000Z', 'Z');
  try {
    const { status } = await describeRun(session, slotWorkflowId(tag, nominal));
    return ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'].includes(status.name);
  } catch (error) {
    if (error instanceof UnknownRunError) return true;
    throw error;
  }
}
