import { z } from 'zod';

const Told = z.object({
  type: z.string(),
  message: z.string(),
  traceback: z.string().nullish().default(null),
});
export type Told = z.infer<typeof Told>;

const Reference = z.object({ uri: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
export type Reference = z.infer<typeof Reference>;

/** What a container says at its end, in one line: its result or failure, or where that is when it is long. */
const Termination = z.union([
  z.strictObject({ result: z.record(z.string(), z.unknown()) }),
  z.strictObject({ resultAt: Reference }),
  z.strictObject({ failure: Told }),
  z.strictObject({ failureAt: Reference }),
]);
export type Termination = z.infer<typeof Termination>;

/** Undefined for anything else: text of a program that knows no such message. */
export function readTermination(message: string | undefined): Termination | undefined {
  if (message === undefined) return undefined;
  try {
    return Termination.parse(JSON.parse(message));
  } catch {
    return undefined;
  }
}

export const readTold = (text: string): Told | undefined => {
  try {
    return Told.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};
