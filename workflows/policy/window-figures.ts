import type { ModelFigures, TrafficFigures } from '../../temporal/contracts/figures.js';

/** What one model was asked between two readings, and how it did. `latency`: answers by bucket (`temporal/latency-buckets.ts`). */
export type WindowFigures = ModelFigures;

/**
 * A model's figures between two readings of its tag; null when the later one does not know the model. Where the counts began
 * anew in between (another epoch, or a count that went down), what came before is lost: the later reading's own counts.
 */
export function figuresBetween(
  start: TrafficFigures | null,
  end: TrafficFigures,
  modelId: string,
): WindowFigures | null {
  const after = end.models[modelId];
  if (after === undefined) return null;
  const before = start?.epoch === end.epoch ? start.models[modelId] : undefined;
  return before === undefined || beganAnew(before, after) ? after : difference(before, after);
}

function beganAnew(before: ModelFigures, after: ModelFigures): boolean {
  return (
    after.requests < before.requests ||
    after.errors < before.errors ||
    Object.entries(before.latency).some(([bucket, count]) => (after.latency[bucket] ?? 0) < count)
  );
}

function difference(before: ModelFigures, after: ModelFigures): WindowFigures {
  const latency = Object.entries(after.latency)
    .map(([bucket, count]) => [bucket, count - (before.latency[bucket] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    requests: after.requests - before.requests,
    errors: after.errors - before.errors,
    latency: Object.fromEntries(latency),
  };
}
