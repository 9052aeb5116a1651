import { z } from 'zod';
import { BUCKET_COUNT } from '../latency-buckets.js';
import { Instant, ModelId, ModelTag } from './scalars.js';

const Count = z.int().nonnegative();
const BucketIndex = z
  .string()
  .regex(/^(0|[1-9]\d*)$/)
  .refine((index) => Number(index) < BUCKET_COUNT, {
    error: `expected the index of a latency bucket, below ${String(BUCKET_COUNT)}`,
  });

/**
 * What a model was asked for a tag and how it did. A model that could not serve a request, so that the live model answered in
 * its place, has a request and an error of it and no latency; the live model has a request of its own.
 */
export const ModelFigures = z.object({
  requests: Count,
  /** Requests the model or its host failed; a payload that was refused is none. */
  errors: Count,
  /** Answers by the bucket of `latency-buckets.ts` that their latency falls into. */
  latency: z.record(BucketIndex, Count),
});
export type ModelFigures = z.infer<typeof ModelFigures>;

/**
 * A tag's traffic since the gateway began, by model. Counts only grow, except that another `epoch` means a gateway that began
 * anew, and that a model which left the tag's route and came back begins anew. A model without requests may be absent.
 */
export const TrafficFigures = z.object({
  tag: ModelTag,
  epoch: z.string().min(1),
  at: Instant,
  models: z.record(ModelId, ModelFigures),
});
export type TrafficFigures = z.infer<typeof TrafficFigures>;
