import { quantileMs } from '../../temporal/latency-buckets.js';
import type { WindowFigures } from './window-figures.js';

/** A metric that a team logs on the model's MLflow run. */
export interface RegistryFigure {
  value: number;
  /** When it was logged, ISO-8601 in UTC. */
  at: string;
}

/** What is known of one model. */
export interface Observation {
  /** null: the gateway counted nothing of it. */
  traffic: WindowFigures | null;
  /** By metric; absent and null: never logged. */
  registry: Readonly<Record<string, RegistryFigure | null>>;
}

/** A value, or why there is none. `samples`: how many requests, or entries of the registry, stand behind it. */
export type Measure =
  { value: number; samples: number } | { value: null; samples: number; missing: string };

/**
 * A metric of one model. What the gateway counts has a sample for each request; a metric of the registry is one sample, and
 * counts only when it is newer than `since`. What is not a finite number is not measured.
 */
export function measure(metric: string, of: Observation, since: string): Measure {
  const measured = isTraffic(metric)
    ? ofTraffic(metric, of.traffic)
    : ofRegistry(metric, of.registry[metric] ?? null, since);
  if (measured.value === null || Number.isFinite(measured.value)) return measured;
  return missing(
    `its ${metric} is ${String(measured.value)}, not a finite number`,
    measured.samples,
  );
}

const QUANTILES = { latency_p95_ms: 0.95, latency_p99_ms: 0.99 } as const;
type TrafficMetric = 'error_rate' | keyof typeof QUANTILES;

/** Whether the gateway measures it; all others are of the registry. */
export const isTraffic = (metric: string): metric is TrafficMetric =>
  metric === 'error_rate' || Object.hasOwn(QUANTILES, metric);

function ofTraffic(metric: TrafficMetric, traffic: WindowFigures | null): Measure {
  if (traffic === null || traffic.requests === 0) return missing('it had no requests', 0);
  const { requests, errors, latency } = traffic;
  if (metric === 'error_rate') return { value: errors / requests, samples: requests };
  const value = quantileMs(latency, QUANTILES[metric]);
  return value === null
    ? missing(`none of its ${String(requests)} requests has a latency`, requests)
    : { value, samples: requests };
}

function ofRegistry(metric: string, figure: RegistryFigure | null, since: string): Measure {
  if (figure === null) return missing(`its ${metric} was not logged`, 0);
  return Date.parse(figure.at) > Date.parse(since)
    ? { value: figure.value, samples: 1 }
    : missing(`its ${metric} is of ${figure.at}, not newer than ${since}`, 0);
}

const missing = (why: string, samples: number): Measure => ({
  value: null,
  samples,
  missing: why,
});
