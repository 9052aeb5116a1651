import { z } from 'zod';
import { Instant, ModelId, ModelTag } from './scalars.js';

/**
 * What became of a request's copy to the candidate. 'unsampled': left out by the sampling; 'dropped': never sent, because the
 * mirror's queue was full, its breaker open or its host not ready; 'failed': sent and not answered well in time.
 */
export const ShadowState = z.enum(['answered', 'failed', 'dropped', 'unsampled']);
export type ShadowState = z.infer<typeof ShadowState>;

/** The candidate's side of a request that the live model answered while a mirror was in force. */
export const ShadowAnswer = z.object({
  modelId: ModelId,
  state: ShadowState,
  /** Of the exchange with its host, milliseconds; null when nothing was sent. */
  ms: z.number().nonnegative().nullable(),
  status: z.int().nullable(),
  output: z.unknown(),
  /** Why it failed or was dropped, in a word: 'timeout', 'unreachable', 'queue-full', 'breaker-open', 'host-not-ready', … */
  cause: z.string().max(100).nullable(),
});
export type ShadowAnswer = z.infer<typeof ShadowAnswer>;

/**
 * One scored request, as the gateway logs it: a line of JSON. `input` is the body as the caller sent it, `output` what the model
 * server answered with status 200; both are null when the log does not take them (`cut`): they are too large, or what is to be
 * redacted cannot be told in them. Columns that are redacted are null; `redacted`: the input has such, and was never sent as it is.
 */
export const PredictionRecord = z.object({
  at: Instant,
  tag: ModelTag,
  modelId: ModelId,
  requestId: z.string().min(1).max(128),
  status: z.int(),
  /** Of the exchange with the model's host, milliseconds. */
  ms: z.number().nonnegative(),
  input: z.unknown(),
  output: z.unknown(),
  cut: z.boolean().optional(),
  redacted: z.boolean().optional(),
  shadow: ShadowAnswer.optional(),
});
export type PredictionRecord = z.infer<typeof PredictionRecord>;

const Count = z.int().nonnegative();

/** What a mirror did since the gateway began (`epoch`), by candidate, and what its prediction log could not keep. */
export const MirrorFigures = z.object({
  tag: ModelTag,
  epoch: z.string().min(1),
  at: Instant,
  /** Requests that the live model answered while the mirror was in force, and what became of their copies. */
  candidates: z.record(
    ModelId,
    z.object({ eligible: Count, unsampled: Count, mirrored: Count, dropped: Count, failed: Count }),
  ),
  log: z.object({ written: Count, lost: Count }),
});
export type MirrorFigures = z.infer<typeof MirrorFigures>;
