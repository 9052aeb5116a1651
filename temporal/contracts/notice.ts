import { z } from 'zod';

/** What a tag tells the run that has to do with it. Each is also found by asking, so a lost one costs time and nothing else. */
export const Notice = z.discriminatedUnion('about', [
  /** The lease is gone: somebody rolled back, took its place, rejected it, or it was not renewed. */
  z.strictObject({
    about: z.literal('lease'),
    lease: z.string(),
    /** A failure type of temporal/errors.ts, as a command under the lease would be refused from now on. */
    type: z.string(),
    reason: z.string(),
  }),
  z.strictObject({ about: z.literal('approval'), lease: z.string(), have: z.int() }),
  /** The model that the run made live is live no more. */
  z.strictObject({ about: z.literal('left'), action: z.string(), reason: z.string() }),
  z.strictObject({ about: z.literal('shadow'), shadow: z.string(), reason: z.string() }),
]);
export type Notice = z.infer<typeof Notice>;
