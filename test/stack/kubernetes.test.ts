import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { RunCancelledError, type RetrainHandle } from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlPlane, START_TIMEOUT_MS, useCluster } from '../support/kubernetes/cluster.js';
import { allowedCalls, madeCalls } from '../support/kustomize.js';
import {
  deployJobs,
  harnessImage,
  jobsOfRun,
  NAMESPACES,
  objectsOf,
  type Deployed,
} from './support/cluster-jobs.js';
import { doctor, ofCompute } from './support/doctor.js';
import { promoted, servedBy } from './support/effects.js';
import { isAlive, runsOf, versionsOf } from './support/left-behind.js';
import {
  connected,
  CUTOFF,
  definitionOf,
  FLIGHT,
  newTag,
  traced,
  type Connected,
} from './support/platform.js';
import { takeWorkersPlace, type WorkerInPlace } from './support/worker-process.js';

/** An end leaves nothing after a minute. */
const EVENTUALLY = { timeout: 60_000, interval: 100 };

const cluster = useCluster({ images: await harnessImage() });
let on: Connected;
let deployed: Deployed;
let worker: WorkerInPlace | undefined;

beforeAll(async () => {
  on = await connected();
  if ('missing' in (await controlPlane())) return;
  deployed = await deployJobs(cluster());
  const config = { ...deployed.config, reconcile: { every: '5s' } };
  worker = await takeWorkersPlace(on, { config, folder: deployed.folder });
}, START_TIMEOUT_MS);

afterAll(async () => {
  await worker?.giveBack();
  await on.platform.close();
  if (worker) await rm(deployed.folder, { recursive: true, force: true });
});

const jobsOf = ({ workflowId }: RetrainHandle) => jobsOfRun(cluster(), workflowId);
/** What a run leaves that was trained and judged once. */
const once = (namespace: string) =>
  ['train', 'evaluate'].map((step) => ({ namespace, step, ended: 'Complete', pods: 1 }));

async function placesOf(run: RetrainHandle): Promise<Record<string, string | undefined>> {
  const { stages } = await run.status();
  const of = (stage: string) => stages.find(({ name }) => name === stage)?.detail;
  return { training: of('training'), evaluation: of('evaluation') };
}

/** What its pending activity was last told, as the Temporal Web UI shows it. */
async function waitsFor({ workflowId }: RetrainHandle): Promise<string> {
  const connection = await Connection.connect({ address: on.stack.temporal.address });
  const { workflow } = new Client({ connection, namespace: on.stack.temporal.namespace });
  const { raw } = await workflow.getHandle(workflowId).describe();
  await connection.close();
  return raw.pendingActivities?.map(({ lastFailure }) => lastFailure?.message).join() ?? '';
}

/** A retrain whose user's code runs in its pod and does not end, and the process it runs in. */
async function hanging(about: string) {
  const tag = newTag(about);
  const trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
  await on.platform.models.apply(definitionOf(tag, { params: { trace, behave: 'hang' } }));
  const run = await on.platform.retrain(tag, { asOf: CUTOFF });
  await expect.poll(() => traced(trace), EVENTUALLY).toHaveLength(1);
  const [process] = await traced(trace);
  expect(await objectsOf(cluster(), tag)).toHaveLength(2);
  return { tag, run, alive: () => isAlive(process?.pid ?? 0) };
}

describe('on a cluster, with the code and the definition that run as processes elsewhere', () => {
  const tag = newTag('cluster');
  const { standard } = NAMESPACES;

  it('R6 S5 a retrain trains and judges as Kubernetes Jobs, and its model answers', async () => {
    await on.platform.models.apply(definitionOf(tag));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    const result = await run.result();
    expect(result).toMatchObject({ decision: 'promoted', modelId: `${tag}/1`, incumbent: null });
    expect(await jobsOf(run)).toEqual(once(standard));
    expect(await on.platform.score(tag, FLIGHT)).toMatchObject({
      modelId: `${tag}/1`,
      predictions: [expect.any(Number)],
    });
  });

  it('R6 S5 the next one is judged against the live model, and takes its place', async () => {
    await on.platform.models.apply(definitionOf(tag, { better: true }));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    const result = await run.result();
    expect(result).toMatchObject({
      decision: 'promoted',
      modelId: `${tag}/2`,
      incumbent: `${tag}/1`,
    });
    const check = result.gate?.checks.find(({ rule }) => rule === 'auc improvement');
    expect(check?.difference).toBeGreaterThan(0);
    expect(await jobsOf(run)).toEqual(once(standard));
    expect(await on.platform.score(tag, FLIGHT)).toMatchObject({ modelId: `${tag}/2` });
  });
});

describe('the tier of a definition', () => {
  const tiers = ['experimental', 'critical'] as const;
  const runs = new Map<string, { tag: string; run: RetrainHandle }>();
  const of = (tier: (typeof tiers)[number]): { tag: string; run: RetrainHandle } => {
    const found = runs.get(tier);
    if (!found) throw new Error(`expected a run of tier ${tier}`);
    return found;
  };

  it('R12 decides the namespace: experimental jobs are never where critical ones are', async () => {
    for (const tier of tiers) {
      const tag = newTag(tier);
      await on.platform.models.apply(definitionOf(tag, { tier }));
      runs.set(tier, { tag, run: await on.platform.retrain(tag, { asOf: CUTOFF }) });
    }
    await Promise.all([...runs.values()].map(({ run }) => run.result()));
    for (const tier of tiers) expect(await jobsOf(of(tier).run)).toEqual(once(NAMESPACES[tier]));
  });

  it.each(tiers)('R12 %s: status and the registry say where the jobs ran', async (tier) => {
    const { tag, run } = of(tier);
    const place = `namespace ${NAMESPACES[tier]}`;
    expect(await placesOf(run)).toEqual({ training: place, evaluation: place });
    const [recorded] = await runsOf(on.stack, tag);
    expect(recorded?.data.tags['modelyard.placement']).toBe(place);
  });
});

describe('a worker that is killed', () => {
  it('F1 F2 once the train Job is there, and again while it trains: the next one adopts it', async () => {
    const tag = newTag('adopted');
    const trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
    await on.platform.models.apply(definitionOf(tag, { params: { trace, behave: 'slow' } }));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    await expect.poll(() => jobsOf(run), EVENTUALLY).toHaveLength(1);
    await worker?.killAndRestart();
    await expect.poll(() => traced(trace), EVENTUALLY).toHaveLength(1);
    await worker?.killAndRestart();
    expect(await run.result()).toMatchObject({ decision: 'promoted', modelId: `${tag}/1` });
    expect(await traced(trace)).toHaveLength(1);
    expect(await jobsOf(run)).toEqual(once(NAMESPACES.standard));
    expect((await runsOf(on.stack, tag)).map(({ info }) => info.status)).toEqual(['FINISHED']);
    expect((await versionsOf(on.stack, tag)).map(({ version }) => version)).toEqual(['1']);
    expect(await promoted(on, tag)).toEqual([`${tag}/1`]);
    expect(await servedBy(on, tag)).toMatchObject({ live: `${tag}/1` });
  });
});

describe('a run that ends while it trains', () => {
  it('F33 I10 cancelled: its Job, its pod and its program are gone, and its record is closed', async () => {
    const { tag, run, alive } = await hanging('cancelled');
    await run.cancel('the data is wrong');
    await expect(run.result()).rejects.toBeInstanceOf(RunCancelledError);
    expect(await objectsOf(cluster(), tag)).toEqual([]);
    expect(alive()).toBe(false);
    expect((await runsOf(on.stack, tag)).map(({ info }) => info.status)).toEqual(['KILLED']);
    expect(await versionsOf(on.stack, tag)).toEqual([]);
  });

  it('F33 I10 terminated, so that nobody cleans up: the sweeps leave none of it', async () => {
    const { tag, run, alive } = await hanging('terminated');
    const connection = await Connection.connect({ address: on.stack.temporal.address });
    const { workflow } = new Client({ connection, namespace: on.stack.temporal.namespace });
    await workflow.getHandle(run.workflowId).terminate('nobody knows why');
    await connection.close();
    await expect.poll(() => objectsOf(cluster(), tag), EVENTUALLY).toEqual([]);
    expect(alive()).toBe(false);
    const statuses = async () => (await runsOf(on.stack, tag)).map(({ info }) => info.status);
    await expect.poll(statuses, EVENTUALLY).toEqual(['KILLED']);
  });
});

describe('a run whose job gets no pod', () => {
  it('F15 F33 by a used-up quota says so while it waits, and leaves nothing when it is cancelled', async () => {
    const quotas = `/api/v1/namespaces/${NAMESPACES.experimental}/resourcequotas`;
    await cluster().api.post(quotas, { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } });
    const quota = () => cluster().api.get<{ status?: object }>(`${quotas}/none`);
    await expect.poll(quota, EVENTUALLY).toMatchObject({ status: { used: { pods: '0' } } });
    const tag = newTag('quota');
    await on.platform.models.apply(definitionOf(tag, { tier: 'experimental' }));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    const why = `a quota of namespace ${NAMESPACES.experimental} is used up: exceeded quota: none`;
    await expect.poll(() => waitsFor(run), { ...EVENTUALLY, interval: 1_000 }).toContain(why);
    await run.cancel('no room for it');
    await expect(run.result()).rejects.toBeInstanceOf(RunCancelledError);
    expect(await objectsOf(cluster(), tag)).toEqual([]);
  });
});

describe('modelyard doctor', () => {
  it('S12 R12 finds that Jobs may be made in the namespace of every tier', async () => {
    const { code, findings } = await doctor(on.stack);
    expect(ofCompute(findings)).toEqual(
      Object.values<string>(NAMESPACES).map((namespace) => ({
        check: `compute cluster ${namespace}`,
        ok: true,
        detail: 'Jobs may be made',
      })),
    );
    expect(code).toBe(0);
  });
});

describe("the worker's account", () => {
  it('has made every call that its Role allows by now, and no other', async () => {
    const uses = (await cluster().audited()).filter(({ user }) => user === deployed.user);
    expect(madeCalls(uses)).toEqual(allowedCalls(NAMESPACES.standard));
    const places = new Set(uses.map(({ namespace }) => namespace));
    expect([...places].sort()).toEqual(Object.values<string>(NAMESPACES).sort());
    expect(uses.filter(({ status }) => status === 401 || status === 403)).toEqual([]);
  });
});
