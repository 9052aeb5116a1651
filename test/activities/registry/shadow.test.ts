import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifacts } from '../../../activities/artifacts/port.js';
import { createRegistryActivities } from '../../../activities/registry/activities.js';
import { createMlflowRegistry } from '../../../activities/registry/mlflow.js';
import { metricKey } from '../../../activities/registry/mlflow/metrics.js';
import type { ShadowReport } from '../../../temporal/contracts/shadow.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import { registrationOf } from '../../../testing/registry-scene.js';
import { callMlflow, logMetric, publishModel } from '../../support/mlflow-api.js';
import { startMlflow, type MlflowServer } from '../../support/mlflow-server.js';

let server: MlflowServer;
beforeAll(async () => {
  server = await startMlflow();
});
afterAll(async () => {
  await server.stop();
});

const METRICS = {
  agreement_rate: 0.75,
  'input_psi:dep delay': 2.5,
  'score_psi[carrier=AA/BB]': 0.125,
};

async function scene() {
  const options = { trackingUri: server.url, roots: ['mlflow-artifacts:/'] };
  const registry = createMlflowRegistry(options);
  const tag = `shadow.${randomUUID().slice(0, 8)}`;
  const registration = await registrationOf(
    {
      registry,
      another: registry,
      tag,
      publishModel: (opened, content) => publishModel(server.url, opened, content),
      logMetric: (opened, point) => logMetric(server.url, opened, point),
      dispose: () => Promise.resolve(),
    },
    'k',
    'one',
  );
  const { version } = await registry.registerVersion(registration);
  const activities = () =>
    createRegistryActivities({
      registry: createMlflowRegistry(options),
      artifacts: undefined as unknown as Artifacts,
    });
  return { tag, version, activities };
}

const opening = (tag: string) => ({
  key: `shadow/${tag}/1/k`,
  workflowId: `shadow/${tag}/1/k`,
  tag,
  kind: 'shadow' as const,
  startedAt: '2026-01-01T00:00:00.000Z',
  params: {},
  tags: {},
  artifacts: {},
});

function reportOf(tag: string, registryRunId: string): ShadowReport {
  return {
    tag,
    candidate: `${tag}/1`,
    incumbent: `${tag}/2`,
    window: {
      from: '2026-01-01T00:00:00.000Z',
      until: '2026-01-02T00:00:00.000Z',
      extended: false,
    },
    requests: { eligible: 10, mirrored: 9, dropped: 1, failed: 0 },
    metrics: METRICS,
    verdict: 'failed',
    checks: [],
    routeRestored: true,
    registryRunId,
  };
}

async function runOf(runId: string) {
  const { run } = (await callMlflow(server.url, 'GET', `runs/get?run_id=${runId}`)) as {
    run: {
      info: { status: string; end_time: number; artifact_uri: string };
      data: {
        metrics: { key: string; value: number; timestamp: number }[];
        tags: { key: string; value: string }[];
      };
    };
  };
  return run;
}

describe('the record of a shadow window', () => {
  it('has one run for its key, which tells its kind (I8, S5)', async () => {
    const { tag, activities } = await scene();
    const opened = await activities().openRun(opening(tag));
    expect(await activities().openRun(opening(tag))).toEqual(opened);
    const { data } = await runOf(opened.runId);
    expect(data.tags).toContainEqual({ key: 'modelyard.kind', value: 'shadow' });
  });

  it('shows its numbers, its report and its verdict, also when it is written again (F2, S5, S6)', async () => {
    const { tag, version, activities } = await scene();
    const { runId } = await activities().openRun(opening(tag));
    const report = reportOf(tag, runId);
    const at = '2026-01-01T12:00:00.000Z';
    const record = { tag, runId, version, report, at, policy: { checks: [] } };
    await activities().recordShadow(record);
    await activities().recordShadow(record);

    const { info, data } = await runOf(runId);
    expect([info.status, info.end_time]).toEqual(['FINISHED', Date.parse(at)]);
    expect(data.tags).toContainEqual({ key: REGISTRY_TAGS.shadowVerdict, value: 'failed' });
    expect(Object.fromEntries(data.metrics.map(({ key, value }) => [key, value]))).toEqual({
      'shadow.agreement_rate': 0.75,
      'shadow.input_psi:dep delay': 2.5,
      'shadow.score_psi/carrier.AA_BB': 0.125,
    });
    const history = await callMlflow(
      server.url,
      'GET',
      `metrics/get-history?run_id=${runId}&metric_key=shadow.agreement_rate`,
    );
    expect(history['metrics']).toHaveLength(1);

    const path = info.artifact_uri.replace('mlflow-artifacts:/', '');
    const stored = `${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}/shadow/report.json`;
    expect(await (await fetch(stored)).json()).toEqual(record.report);
    const model = await activities().resolveModel({ tag, version, verify: false });
    expect(model.tags[REGISTRY_TAGS.shadowVerdict]).toBe('failed');
  });

  it('takes a window that measured nothing', async () => {
    const { tag, version, activities } = await scene();
    const { runId } = await activities().openRun(opening(tag));
    const report = { ...reportOf(tag, runId), metrics: {}, verdict: 'inconclusive' as const };
    const at = report.window.until;
    await activities().recordShadow({ tag, runId, version, report, at, policy: {} });
    expect((await runOf(runId)).data).not.toHaveProperty('metrics');
  });
});

describe('the key of a metric', () => {
  it.each([
    ['shadow.input_psi:größe (cm)', 'shadow.input_psi:größe _cm_'],
    ['psi[a=b=c/d]', 'psi/a.b=c_d'.replace('=', '_')],
    ['psi[a=..]', 'psi/a'],
    ['psi[=]', 'psi/_'],
  ])('is one that MLflow takes: %s', (name, key) => {
    expect(metricKey(name)).toBe(key);
  });
});
