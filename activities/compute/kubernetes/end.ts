import type { V1Job, V1ObjectMeta } from '@kubernetes/client-node';
import { z } from 'zod';
import { JobFailure } from '../../../temporal/contracts/job.js';
import { ANNOTATIONS, LABELS } from './marks.js';

const Reference = z.object({ uri: z.string(), sha256: z.string() });

/** How a Job ended, as it was first told: the truth from then on, also when its pod is gone or another one ran. */
export const RecordedEnd = z.discriminatedUnion('ended', [
  z.object({ ended: z.literal('succeeded'), result: z.unknown() }),
  z.object({ ended: z.literal('succeeded-at'), resultAt: Reference }),
  z.object({ ended: z.literal('failed'), failure: JobFailure }),
]);
export type RecordedEnd = z.infer<typeof RecordedEnd>;

/** Undefined while nobody has told it. */
export function readEnd({ metadata }: V1Job): RecordedEnd | undefined {
  const text = metadata?.annotations?.[ANNOTATIONS.end];
  return text === undefined ? undefined : RecordedEnd.parse(JSON.parse(text));
}

export function endMarks(end: RecordedEnd): Pick<V1ObjectMeta, 'annotations' | 'labels'> {
  return {
    annotations: { [ANNOTATIONS.end]: JSON.stringify(end) },
    labels: { [LABELS.ended]: 'true' },
  };
}
