/** Counts by bucket, keyed by the bucket's index in decimal; a bucket without a count may be absent. */
export type LatencyCounts = Readonly<Record<string, number>>;

const FIRST_MS = 0.1;
const GROWTH = 1.1;
const LONGEST_MS = 10 * 60_000;

/** By multiplication rather than by power, so that every engine that replays a decision has the same bounds. */
const UPPER_BOUNDS_MS = upperBounds();

export const BUCKET_COUNT = UPPER_BOUNDS_MS.length;

/**
 * The bucket of a latency: 0 up to 0.1 ms, then index i over (0.1·1.1^(i-1), 0.1·1.1^i] ms. The last one, whose bounds
 * hold 10 minutes, also takes everything longer.
 */
export function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  const last = BUCKET_COUNT - 1;
  const guess = Math.min(last, Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH)));
  // The logarithm is off by one where the latency is a bound.
  if (ms <= upperBoundMs(guess - 1)) return guess - 1;
  return ms > upperBoundMs(guess) ? Math.min(last, guess + 1) : guess;
}

/** The longest latency of a bucket, in ms. Throws RangeError for an index that no bucket has. */
export function upperBoundMs(index: number): number {
  const bound = UPPER_BOUNDS_MS[index];
  if (bound !== undefined) return bound;
  throw new RangeError(
    `expected a bucket of 0 to ${String(BUCKET_COUNT - 1)}, got ${String(index)}`,
  );
}

/**
 * The latency in ms that a share `q` in [0, 1] of the counted ones does not exceed; null when nothing was counted.
 * Interpolated on the log scale, so at most 10 % off; of the first bucket its bound, of the last at most its bound.
 */
export function quantileMs(latency: LatencyCounts, q: number): number | null {
  const filled = filledBuckets(latency);
  const rank = q * filled.reduce((total, { count }) => total + count, 0);
  let below = 0;
  for (const [at, { index, count }] of filled.entries()) {
    // The last one whatever rounding makes of the rank.
    if (below + count >= rank || at === filled.length - 1)
      return within(index, Math.min(1, (rank - below) / count));
    below += count;
  }
  return null;
}

function filledBuckets(latency: LatencyCounts): { index: number; count: number }[] {
  return Object.entries(latency)
    .map(([index, count]) => ({ index: Number(index), count }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.index - b.index);
}

function within(index: number, fraction: number): number {
  return index === 0 ? FIRST_MS : upperBoundMs(index - 1) * GROWTH ** fraction;
}

function upperBounds(): readonly number[] {
  const bounds = [FIRST_MS];
  for (let bound = FIRST_MS; bound < LONGEST_MS; bounds.push(bound)) bound *= GROWTH;
  return bounds;
}
