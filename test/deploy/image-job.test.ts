import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createArtifacts } from '../../activities/artifacts/store.js';
import {
  createKubernetesCompute,
  type KubernetesCompute,
} from '../../activities/compute/kubernetes.js';
import { TrainResult, type JobObservation, type JobSpec } from '../../temporal/contracts/job.js';
import { controlPlane, START_TIMEOUT_MS, useCluster } from '../support/kubernetes/cluster.js';
import { until } from '../support/kubernetes/jobs.js';
import { startMlflow, testPython, type MlflowServer } from '../support/mlflow-server.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const HARNESS = `registry.test/harness@sha256:${'ab'.repeat(32)}`;
const TEAM = `registry.test/models/churn@sha256:${'cd'.repeat(32)}`;
const NAMESPACE = 'modelyard-jobs';
const ROOT = 'mlflow-artifacts:/';

const cluster = useCluster({
  images: {
    [HARNESS]: {
      command: [await testPython(), '-m', 'modelyard'],
      env: { PYTHONPATH: path('../../sdk/python') },
    },
    // What the example's Dockerfile makes its entry point.
    [TEAM]: { command: [process.execPath, path('../../examples/image/train.ts')] },
  },
});
let mlflow: MlflowServer;
let compute: KubernetesCompute;
let folder: string;

beforeAll(async () => {
  mlflow = await startMlflow();
  folder = await mkdtemp(join(tmpdir(), 'modelyard-image-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const registry = { trackingUri: mlflow.url, allowedTypes: [] };
  compute = createKubernetesCompute({
    cluster: { kubeconfig },
    namespaces: { standard: NAMESPACE },
    image: HARNESS,
    images: ['registry.test/models'],
    results: ROOT,
    registry,
    artifacts: createArtifacts({ ...registry, roots: [ROOT] }),
  });
  if ('missing' in (await controlPlane())) return;
  await cluster().createNamespace(NAMESPACE, {
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
  await writeFile(kubeconfig, cluster().kubeconfig);
}, START_TIMEOUT_MS);

afterAll(async () => {
  await compute.close();
  await mlflow.stop();
  await rm(folder, { recursive: true, force: true });
});

async function job(name: string, features: string[]): Promise<JobSpec> {
  const response = await fetch(`${mlflow.url}/api/2.0/mlflow/runs/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ experiment_id: '0', start_time: Date.now() }),
  });
  const { run } = (await response.json()) as { run: { info: { run_id: string } } };
  return {
    name,
    target: 'cluster',
    owner: 'retrain/churn/1',
    tag: 'churn',
    program: { kind: 'image', step: 'train', image: TEAM },
    document: {
      schema: 1,
      step: 'train',
      key: `${name}/train`,
      tag: 'churn',
      task: 'binary-classification',
      code: { image: TEAM },
      data: {
        kind: 'parquet',
        uri: path('../../examples/customers/customers.parquet'),
        timeColumn: 'seen_at',
      },
      features,
      label: 'left',
      holdout: { kind: 'last', duration: '14d' },
      cutoff: '2025-03-31T12:00:00Z',
      params: { ridge: 2 },
      registry: { experimentId: '0', runId: run.info.run_id },
    },
    resources: { class: 'cpu', cpu: 0.1, memoryMiB: 1024 },
    tier: 'standard',
    secrets: {},
    timeoutMs: 600_000,
    deadline: new Date(Date.now() + 3_600_000).toISOString(),
  };
}

async function ended(spec: JobSpec): Promise<JobObservation> {
  const ref = await compute.ensure(spec);
  return until(`the end of ${spec.name}`, async () => {
    const seen = await compute.observe(ref);
    return ['succeeded', 'failed', 'vanished'].includes(seen.phase) ? seen : undefined;
  });
}

it('an image trains between two steps of the harness, and its model is published as every other (R4)', async () => {
  const end = await ended(await job('trains', ['months', 'price', 'tickets', 'late_payments']));
  if (end.phase !== 'succeeded') throw new Error(JSON.stringify(end));
  const result = TrainResult.parse(end.result);
  expect(result).toMatchObject({
    key: 'trains/train',
    features: ['months', 'price', 'tickets', 'late_payments'],
    ownEvaluation: false,
  });
  expect(result.model.files.map((file) => file.path)).toEqual(['MLmodel', 'model.onnx']);
  expect(result.rows.train + result.rows.holdout).toBe(7200);
  expect(result.metrics['training_log_loss']).toBeLessThan(Math.log(2));
});

it('an image that refuses its rows ends the job as the user’s to mend, in its own words', async () => {
  const end = await ended(await job('refuses', ['plan', 'months']));
  if (end.phase !== 'failed') throw new Error(JSON.stringify(end));
  expect(end.failure).toMatchObject({ cause: 'user-error', exitCode: 65 });
  expect(end.failure.logTail).toContain('expected numbers, got plan');
});

it('data that cannot be split ends the job before the image runs', async () => {
  const spec = await job('lacks', ['months', 'nope']);
  const end = await ended(spec);
  if (end.phase !== 'failed') throw new Error(JSON.stringify(end));
  expect(end.failure).toMatchObject({ cause: 'user-error', exitCode: 65, type: 'BadData' });
  expect(end.failure.message).toContain('nope');
});
