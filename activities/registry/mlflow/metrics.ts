import type { MetricQuestion, Registry } from '../port.js';
import { MetricPage, type Metric } from './answers.js';
import type { Mlflow } from './client.js';
import { allPages } from './pages.js';
import type { Parts } from './parts.js';

const PAGE = 10_000;

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
