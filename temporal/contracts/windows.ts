import { z } from 'zod';
import { Instant } from './scalars.js';

/** From its first instant to just before its last one. */
export const Span = z.object({ from: Instant, until: Instant });
export type Span = z.infer<typeof Span>;

/**
 * Change windows as instants between `from` and `until`, and clipped to them: nothing is known of a time outside. Each list is
 * in order of time, and its spans neither overlap nor touch. `allow` is null where the definition has no allow list.
 */
export const WindowSpans = z.object({
  from: Instant,
  until: Instant,
  allow: z.array(Span).nullable(),
  deny: z.array(Span),
});
export type WindowSpans = z.infer<typeof WindowSpans>;
