import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Artifacts } from '../../dist/activities/artifacts/port.js';
import { createArtifacts } from '../../dist/activities/artifacts/store.js';
import { createMlflowRegistry } from '../../dist/activities/registry/mlflow.js';
import type { TrainResult } from '../../dist/temporal/contracts/job.js';
import type { Ports } from '../../dist/workers/compose.js';
import { instantJobs } from './instant-jobs.ts';
import { instantPorts } from './instant-ports.ts';

const LoggedModel = z.object({
  model: z.object({ info: z.object({ model_id: z.string(), artifact_uri: z.string() }) }),
});
const CONTENT = new TextEncoder().encode('a model in name only');

/** Ports that answer at once, but for a registry and an artifact store that are real. */
export async function mlflowPorts(trackingUri: string): Promise<Ports> {
  const options = {
    trackingUri,
    roots: ['mlflow-artifacts:/'],
    auth: () => ({ kind: 'none' }) as const,
    signal: () => undefined,
  };
  const artifacts = createArtifacts(options);
  const model = await uploadModel(trackingUri, artifacts);
  const registry = createMlflowRegistry(options);
  return { ...instantPorts(), artifacts, registry, compute: instantJobs(model) };
}

/** A model as a job leaves it: its file in the artifact store and its record in MLflow. */
async function uploadModel(mlflowUrl: string, artifacts: Artifacts): Promise<TrainResult['model']> {
  const response = await fetch(`${mlflowUrl}/api/2.0/mlflow/logged-models`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ experiment_id: '0', name: 'bench' }),
  });
  if (!response.ok) throw new Error(`MLflow: ${String(response.status)} ${await response.text()}`);
  const { model_id: loggedModelId, artifact_uri: uri } = LoggedModel.parse(await response.json())
    .model.info;
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  const digest = `sha256:${sha256}`;
  await artifacts.put(`${uri}/model.bin`, CONTENT, digest);
  const files = [{ path: 'model.bin', sha256, bytes: CONTENT.byteLength }];
  return { uri, loggedModelId, digest, files };
}
