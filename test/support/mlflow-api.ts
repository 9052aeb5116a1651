import { createHash } from 'node:crypto';
import type { OpenedRun } from '../../activities/registry/port.js';
import type { TrainResult } from '../../temporal/contracts/job.js';
import type { LoggedPoint } from '../../testing/registry-contract.js';

/** Calls MLflow past the adapter: to look at what it left, and to do what a person or a job does. */
export async function callMlflow(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${String(answer.status)} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Puts a file through the artifact proxy, over whatever is there. */
export async function plantArtifact(url: string, uri: string, content: Uint8Array): Promise<void> {
  const path = uri.replace('mlflow-artifacts:/', '').split('/').map(encodeURIComponent).join('/');
  const answer = await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/${path}`, {
    method: 'PUT',
    body: Uint8Array.from(content),
  });
  if (!answer.ok) throw new Error(`put ${uri}: ${String(answer.status)} ${await answer.text()}`);
}

export async function logMetric(url: string, run: OpenedRun, point: LoggedPoint): Promise<void> {
  const { name: key, value, at, step } = point;
  await callMlflow(url, 'POST', 'runs/log-metric', {
    ...{ run_id: run.runId, key, step, timestamp: Date.parse(at) },
    value: Number.isFinite(value) ? value : String(value),
  });
}

/** Does what a training job does at its end: a logged model with one file, on the run. */
export async function publishModel(
  url: string,
  run: OpenedRun,
  content: string,
): Promise<TrainResult> {
  const created = (await callMlflow(url, 'POST', 'logged-models', {
    experiment_id: run.experimentId,
    name: 'model',
    source_run_id: run.runId,
  })) as { model: { info: { model_id: string; artifact_uri: string } } };
  const { model_id: loggedModelId, artifact_uri: uri } = created.model.info;
  await plantArtifact(url, `${uri}/MLmodel`, Buffer.from(content));
  return trainResult({ uri, loggedModelId, content });
}

function trainResult(model: { uri: string; loggedModelId: string; content: string }): TrainResult {
  const sha256 = createHash('sha256').update(model.content).digest('hex');
  const digest = `sha256:${createHash('sha256').update(`${sha256}  MLmodel\n`).digest('hex')}`;
  return {
    step: 'train',
    key: 'k/train/1',
    model: {
      uri: model.uri,
      loggedModelId: model.loggedModelId,
      digest,
      files: [{ path: 'MLmodel', sha256, bytes: Buffer.byteLength(model.content) }],
    },
    features: ['a'],
    dataDigest: digest,
    rows: { train: 10, holdout: 2, unlabelled: 0, tooYoung: 0 },
    holdout: { digest, rows: 2 },
    trainedOn: {
      from: null,
      until: '2026-01-01T00:00:00Z',
      holdout: { kind: 'last', duration: '7d' },
      timeColumn: 'at',
    },
    metrics: {},
    ownEvaluation: false,
  };
}
