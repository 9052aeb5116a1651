import type { MetricQuestion, Registry } from '../port.js';
import { Done, MetricPage, type Metric, type Run } from './answers.js';
import type { Mlflow } from './client.js';
import { allPages } from './pages.js';
import type { Parts } from './parts.js';

const PAGE = 10_000;
/** What log-batch takes of metrics in one call. */
const BATCH = 1_000;
const MAX_KEY_CHARACTERS = 250;

export function createMetrics({ mlflow }: Parts): Pick<Registry, 'newestMetric'> {
  return {
    // The whole history, because the "latest" value that MLflow gives with a run is that of the highest step, whatever its time.
    async newestMetric(asked) {
      const newest = (await historyOf(mlflow, asked))
        .filter(({ value }) => Number.isFinite(value))
        .toSorted((a, b) => a.atMs - b.atMs || a.step - b.step)
        .at(-1);
      return newest ? { value: newest.value, at: new Date(newest.atMs).toISOString() } : null;
    },
  };
}

/** Points at the run's start: MLflow keeps one of the same key, time, step and value, so that a repeat adds none. */
export async function logMetrics(
  mlflow: Mlflow,
  { runId, startTimeMs }: Run,
  metrics: Record<string, number>,
): Promise<void> {
  const points = Object.entries(metrics).map(([name, value]) => ({
    key: metricKey(name),
    value,
    timestamp: startTimeMs,
    step: 0,
  }));
  for (let from = 0; from < points.length; from += BATCH) {
    const body = { run_id: runId, metrics: points.slice(from, from + BATCH) };
    await mlflow.call(`log metrics on run ${runId}`, Done, (api) =>
      api.POST('/api/2.0/mlflow/runs/log-batch', { body }),
    );
  }
}

/**
 * 'name[column=value]' as 'name/column.value', and what MLflow takes in no key as '_'. The harness writes keys the same way
 * (metric_key in shadow_step.py).
 */
export function metricKey(name: string): string {
  const [, whole = name, slice] = /^([^[]+)\[(.*)\]$/s.exec(name) ?? [];
  const parts = slice === undefined ? [whole] : [whole, slice.replace('=', '.')];
  return parts
    .map(
      (part) =>
        part.replaceAll(/[^\p{L}\p{N}_.\- :]/gu, '_').replaceAll(/^[ .]+|[ .]+$/g, '') || '_',
    )
    .join('/')
    .slice(0, MAX_KEY_CHARACTERS);
}

function historyOf(mlflow: Mlflow, { runId, name }: MetricQuestion): Promise<Metric[]> {
  return allPages((token) => {
    const query = {
      run_id: runId,
      metric_key: name,
      max_results: PAGE,
      ...(token !== undefined && { page_token: token }),
    };
    return mlflow.call(`read metric ${name} of run ${runId}`, MetricPage, (api) =>
      api.GET('/api/2.0/mlflow/metrics/get-history', { params: { query } }),
    );
  });
}
