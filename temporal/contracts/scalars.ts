import { z } from 'zod';
import { durationMs } from '../duration.js';

/** A part of a tag: short enough that "<family>.<member>" fits every vendor's name limit after hashing. */
const TAG_PART = '[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?';
const TAG = new RegExp(`^${TAG_PART}(?:\\.${TAG_PART})?$`);
const MODEL_ID = new RegExp(`^(${TAG_PART}(?:\\.${TAG_PART})?)/([1-9][0-9]{0,8})$`);

export const ModelTag = z.string().regex(TAG, {
  error: (issue) =>
    `expected "<name>" or "<family>.<member>", each part 1 to 40 characters of [a-z0-9-] that begin and end with [a-z0-9], got ${JSON.stringify(issue.input)}`,
});
export type ModelTag = z.infer<typeof ModelTag>;

export const ModelId = z.string().regex(MODEL_ID, {
  error: (issue) =>
    `expected "<tag>/<version>" such as "flight-delay/7", got ${JSON.stringify(issue.input)}`,
});
export type ModelId = z.infer<typeof ModelId>;

export const Version = z.int().positive().max(999_999_999);

/** ISO-8601 in UTC, as it stands in histories, in MLflow and on the wire. */
export const Instant = z.iso.datetime({ offset: false });
export type Instant = z.infer<typeof Instant>;

export const Duration = z
  .string()
  .max(40)
  .refine((text) => durationMs(text) !== undefined, {
    error: (issue) =>
      `expected a duration such as '30m', '24h' or '7d', got ${JSON.stringify(issue.input)}`,
  });
export type Duration = z.infer<typeof Duration>;

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, {
  error: (issue) =>
    `expected 'sha256:' and 64 hexadecimal digits, got ${JSON.stringify(issue.input)}`,
});
export type Digest = z.infer<typeof Digest>;

export const Reason = z.string().trim().min(1).max(400);
export const IdempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9_.:@=-]+$/, {
    error: (issue) =>
      `expected characters of [A-Za-z0-9_.:@=-], got ${JSON.stringify(issue.input)}`,
  });
export const ColumnName = z.string().min(1).max(200);
export const MetricName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9_.-]+$/);
