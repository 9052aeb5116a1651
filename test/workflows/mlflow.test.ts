import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutResult } from '../../temporal/contracts/runs.js';
import { refusedWith } from '../../testing/refusals.js';
import { plantArtifact } from '../support/mlflow-api.js';
import { atRest, expectTold, runsAt, versionsAt } from './support/at-rest.js';
import { startFaultyMlflow, type FaultyMlflow } from './support/behind-proxies.js';
import { startRetrain, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

let mlflow: FaultyMlflow;
let world: World;
beforeAll(async () => {
  mlflow = await startFaultyMlflow();
  world = await startWorld({ ports: mlflow.ports });
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await mlflow[Symbol.asyncDispose]();
});
afterEach(() => {
  mlflow.proxy.calm();
});

const EVERYTHING = /(?:)/;

/** A tag whose versions 1 and 2 were trained, judged and promoted, and of which the registry knows all. */
async function tagWithTwo(): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('away'));
  await tag.define({
    gate: {
      metrics: [{ name: 'auc', direction: 'higher', threshold: 0.6, minImprovement: 0.01 }],
      autoPromote: true,
    },
  });
  for (const quality of [0.7, 0.8]) await promoted(tag, quality);
  await atRest(tag);
  return tag;
}

async function promoted(tag: TagOnServer, quality: number): Promise<void> {
  const run = await startRetrain(world, tag.tag, { params: { quality } });
  const { rolloutWorkflowId } = await run.result();
  const rollout = world.client.workflow.getHandle<() => Promise<RolloutResult>>(
    rolloutWorkflowId ?? '',
  );
  expect(await rollout.result()).toMatchObject({ outcome: 'promoted' });
}

/** The pauses, in milliseconds, that the tag's workflow took since, by what they waited for. */
async function pausesOf(tag: TagOnServer, since: number): Promise<number[]> {
  const { events } = await tag.handle.fetchHistory();
  return (events ?? [])
    .filter(({ eventId }) => Number(eventId) > since)
    .flatMap(({ timerStartedEventAttributes: timer, userMetadata }) => {
      const summary = JSON.stringify(Buffer.from(userMetadata?.summary?.data ?? []).toString());
      if (!timer || !summary.includes('is tried again')) return [];
      const { seconds, nanos } = timer.startToFireTimeout ?? {};
      return [Number(seconds ?? 0) * 1_000 + (nanos ?? 0) / 1e6];
    });
}

describe('with an MLflow', () => {
  it.each([
    ['answers every call with 503', { kind: 'unavailable' }],
    ['never answers', { kind: 'black-hole' }],
  ] as const)(
    'F10 that %s, a tag rolls back all the same and tells it later',
    async (_what, fault) => {
      const tag = await tagWithTwo();
      mlflow.proxy.inject(EVERYTHING, fault, Infinity);
      expect(await tag.rollback()).toMatchObject({ outcome: 'applied', to: `${tag.tag}/1` });
      expect(world.routing.at(tag.tag).route.live?.modelId).toBe(`${tag.tag}/1`);
      expect(await tag.status()).toMatchObject({ registry: { inSync: false, parked: null } });
      expect((await mlflow.direct.aliases(tag.tag)).champion).toBe(2);
      mlflow.proxy.calm();
      expect(await atRest(tag)).toMatchObject({ live: `${tag.tag}/1` });
      await expectTold(tag, mlflow.direct);
      expect(await mlflow.direct.statuses(tag.tag)).toEqual({ 1: 'champion', 2: 'quarantined' });
    },
  );

  it('F10 that asks for patience with 429, a tag is silent for as long as it was asked to', async () => {
    const tag = await tagWithTwo();
    const since = await tag.events();
    const asked = mlflow.proxy.seen.length;
    mlflow.proxy.inject(EVERYTHING, { kind: 'rate-limit', retryAfterSeconds: 4 }, 2);
    await tag.quarantine(9);
    await atRest(tag);
    // One call each of the journal's lane and the projection's; neither comes again before its time.
    expect(mlflow.proxy.injected.slice(-2).map(({ fault }) => fault.kind)).toEqual([
      'rate-limit',
      'rate-limit',
    ]);
    expect(mlflow.proxy.seen.length).toBeGreaterThan(asked + 2);
    expect(await pausesOf(tag, since)).toEqual([4_000, 4_000]);
    await expectTold(tag, mlflow.direct);
  });

  it('F10 that asks for patience with 429, a retrain waits once and has one record', async () => {
    const tag = await tagWithTwo();
    const [before, line] = [mlflow.proxy.seen.length, /^POST .*\/runs\/search$/];
    mlflow.proxy.inject(line, { kind: 'rate-limit', retryAfterSeconds: 3 });
    const run = await startRetrain(world, tag.tag, { params: { quality: 0.7 } });
    const pending = await until(
      async () => (await run.describe()).raw.pendingActivities ?? [],
      (activities) => activities.some(({ lastFailure }) => lastFailure?.message),
    );
    expect(pending.map(({ currentRetryInterval: pause }) => Number(pause?.seconds))).toEqual([3]);
    await run.result();
    const searches = mlflow.proxy.seen.slice(before).filter((seen) => line.test(seen));
    expect(searches.length).toBeGreaterThan(1);
    const runs = await runsAt(mlflow.server.url, tag.tag);
    expect(runs.filter(({ key }) => key.startsWith(run.workflowId))).toHaveLength(1);
  });

  it('F12 that answers with 16 MiB of JSON of another shape, a tag says so in its status instead of guessing, and rolls back', async () => {
    const tag = await tagWithTwo();
    mlflow.proxy.inject(/^GET .*registered-models\/get/, { kind: 'garbage', sort: 'huge' }, 9);
    await tag.quarantine(9);
    const { registry } = await until(
      () => tag.status(),
      (status) => status.registry.parked !== null,
    );
    expect(registry.parked).toContain('is not understood');
    expect(await tag.rollback()).toMatchObject({ outcome: 'applied', to: `${tag.tag}/1` });
  });
});

describe('a model whose files are not what its job published', () => {
  let tag: TagOnServer;
  beforeAll(async () => {
    tag = await tagWithTwo();
  });

  it.each<[string, (content: string) => string | null]>([
    ['truncated', (content) => content.slice(0, -1)],
    ['flipped', (content) => `${content.slice(0, -1)}~`],
    ['swapped for another', () => 'another model altogether'],
    ['missing', () => null],
  ])(
    'F20 is refused at its registration when they are %s, and the live model stays',
    async (_how, kept) => {
      mlflow.ports.compute.kept = kept;
      const run = await startRetrain(world, tag.tag, { params: { quality: 0.9 } });
      expect(await refusedWith('Integrity', run.result())).toMatchObject({ stage: 'registration' });
      mlflow.ports.compute.kept = (content) => content;
      expect((await tag.status()).live).toBe(`${tag.tag}/2`);
      expect(await versionsAt(mlflow.server.url, tag.tag)).toHaveLength(2);
      const runs = await runsAt(mlflow.server.url, tag.tag);
      expect(runs.filter(({ key }) => key.startsWith(run.workflowId))).toMatchObject([
        { status: 'FAILED' },
      ]);
    },
  );

  it('F20 is refused at its promotion when they were swapped for those of another version, and the live model stays', async () => {
    const better = await startRetrain(world, tag.tag, {
      params: { quality: 0.9 },
      autoPromote: false,
    });
    expect(await better.result()).toMatchObject({ modelId: `${tag.tag}/3` });
    const [other, swapped] = [
      await mlflow.direct.resolve(tag.tag, 1),
      await mlflow.direct.resolve(tag.tag, 3),
    ];
    const content = await mlflow.ports.artifacts.get(
      `${other.uri}/MLmodel`,
      `sha256:${other.files[0]?.sha256 ?? ''}`,
    );
    await plantArtifact(mlflow.server.url, `${swapped.uri}/MLmodel`, content);
    const { seq } = await tag.status();
    const run = await startRollout(world, tag.tag, { version: 3 });
    expect(await refusedWith('Integrity', run.result())).toMatchObject({ stage: 'candidate' });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/2`, seq, rollout: null });
  });
});
