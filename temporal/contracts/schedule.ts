import { z } from 'zod';
import { Duration } from './scalars.js';

/** Five fields; Temporal's own parser judges the rest when the schedule is written. */
const Cron = z.string().regex(/^\S+(?:\s+\S+){4}$/, {
  error: (issue) => `expected a cron expression of five fields, got ${JSON.stringify(issue.input)}`,
});

const Timezone = z
  .string()
  .max(100)
  .refine((name) => isTimezone(name), {
    error: (issue) =>
      `expected an IANA time zone such as 'Europe/Berlin', got ${JSON.stringify(issue.input)}`,
  });

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const ScheduleSpec = z.strictObject({
  cron: Cron,
  timezone: Timezone.optional(),
  catchUp: Duration.optional(),
  overlap: z.enum(['skip', 'buffer-one', 'cancel-other']).optional(),
  spread: Duration.optional(),
});
export type ScheduleSpec = z.infer<typeof ScheduleSpec>;
