import type { z } from 'zod';
import { Refusal } from './refusal.js';

/** The value as its schema says, or a refusal that names every problem with its place. */
export function parseInput<Value>(schema: z.ZodType<Value>, input: unknown, what: string): Value {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${[what, ...issue.path].join('.')}: ${issue.message}`,
  );
  throw new Refusal(400, 'InvalidRequest', problems.join('; '));
}
