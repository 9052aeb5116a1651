/** The value below which that share of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Three digits after the point: what is beyond them is noise. */
export const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

export interface Spread {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

export function spreadOf(valuesMs: readonly number[]): Spread {
  const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) =>
    rounded(quantile(valuesMs, share)),
  );
  return { p50Ms: p50Ms ?? Number.NaN, p95Ms: p95Ms ?? Number.NaN, p99Ms: p99Ms ?? Number.NaN };
}

const RESAMPLES = 1_000;

export interface Ratio {
  ratio: number;
  /** Where the ratio lies in 95 of 100 such runs, by resampling the rounds. */
  from: number;
  to: number;
}

/** Median against median of what was measured in the same rounds, and how far to trust it. */
export function ratioOf(above: readonly number[], below: readonly number[]): Ratio {
  const ratio = (rounds: readonly number[]): number =>
    median(rounds.map((round) => above[round] ?? Number.NaN)) /
    median(rounds.map((round) => below[round] ?? Number.NaN));
  const all = above.map((_, round) => round);
  const resampled = Array.from({ length: RESAMPLES }, () =>
    ratio(all.map(() => Math.floor(Math.random() * all.length))),
  );
  return {
    ratio: rounded(ratio(all)),
    from: rounded(quantile(resampled, 0.025)),
    to: rounded(quantile(resampled, 0.975)),
  };
}
