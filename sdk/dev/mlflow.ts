import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ensureService } from '../../temporal/server/service.js';
import type { Layout } from './layout.js';

/**
 * The server's own job runner would add eight processes nobody here uses. SQLite shares the connection pool's limits,
 * and the default pool deadlocks from thirty concurrent writers on.
 */
const ENVIRONMENT = {
  MLFLOW_DISABLE_TELEMETRY: 'true',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  MLFLOW_SQLALCHEMYSTORE_POOL_SIZE: '40',
  MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW: '60',
};

export async function startMlflow(layout: Layout, python: string, port: number): Promise<void> {
  await mkdir(layout.mlflow, { recursive: true });
  await ensureService(
    {
      name: 'The MLflow server',
      command: python,
      args: [
        ...[
          '-m',
          'mlflow',
          'server',
          '--host',
          '127.0.0.1',
          '--port',
          String(port),
          '--workers',
          '1',
        ],
        ...['--backend-store-uri', `sqlite:///${join(layout.mlflow, 'mlflow.db')}`],
        ...['--artifacts-destination', join(layout.mlflow, 'artifacts')],
      ],
      env: ENVIRONMENT,
      cwd: layout.mlflow,
      version: python,
      logFile: layout.log('mlflow'),
      recordFile: layout.record('mlflow'),
    },
    { probe: () => answersApi(port), timeoutMs: 120_000 },
  );
}

/** Its /health says yes before the database is there. */
async function answersApi(port: number): Promise<boolean> {
  const response = await fetch(
    `http://127.0.0.1:${String(port)}/api/2.0/mlflow/experiments/search`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ max_results: 1 }),
      signal: AbortSignal.timeout(10_000),
    },
  );
  return response.ok;
}
