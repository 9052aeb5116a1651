import { z } from 'zod';
import { cronProblem } from '../cron.js';
import { Duration } from './scalars.js';

const FIVE_FIELDS = /^\S+(?:\s+\S+){4}$/;

export const Cron = z
  .string()
  .regex(FIVE_FIELDS, {
    abort: true,
    error: ({ input }) => `expected a cron expression of five fields, got ${JSON.stringify(input)}`,
  })
  .superRefine((expression, context) => {
    const message = cronProblem(expression);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });

export const Timezone = z
  .string()
  .max(100)
  .refine((name) => isTimezone(name), {
    error: (issue) =>
      `expected an IANA time zone such as 'Europe/Berlin', got ${JSON.stringify(issue.input)}`,
  });

export function isTimezone(name: string): boolean {
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
