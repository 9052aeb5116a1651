import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import { definition, model } from './policy/tag/tags.js';
import { inStage, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const SHADOW = {
  duration: '3s',
  minRequests: 10,
  checks: [{ metric: 'disagreement_rate', max: 0.05 }],
};

/** A tag with version 1 live, whose candidates are shadowed before they go on. */
async function shadowedTag(
  over: Partial<ModelDefinition> = {},
  copies = 100,
): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  await tag.promote(1);
  await tag.define({ shadow: SHADOW, ...over });
  world.predictions.show(tag.tag, {
    ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1` },
    ...{ answered: copies, failed: 0 },
  });
  world.monitoring.mirrorFlow(tag.tag, `${tag.tag}/2`, copies);
  return tag;
}

const mirrored = (tag: TagOnServer): string | undefined =>
  world.routing.at(tag.tag).route.mirror?.modelId;

const windowOpen = (tag: TagOnServer): Promise<unknown> =>
  until(
    () => mirrored(tag),
    (id) => id === `${tag.tag}/2`,
  );

/** Pools have one slot unless they are applied: these tests take it one after the other. */
describe('a rollout with a shadow window', () => {
  it('S1 goes on to its approval with a candidate that passed it', async () => {
    const gate = { ...definition.gate, approval: { required: 1, expiresAfter: '1h' } };
    const tag = await shadowedTag({ gate });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await windowOpen(tag);
    expect((await tag.status()).rollout).toMatchObject({
      ...{ weightPercent: 0, waitingFor: 'shadow' },
    });
    const { stages, waitingFor } = await inStage(run, 'approval', 'waiting');
    expect(stages.find(({ name }) => name === 'shadow')).toMatchObject({ state: 'done' });
    const shadowEnd = (await tag.ledger()).at(-1);
    expect(shadowEnd).toMatchObject({ action: 'shadow-end' });
    // The time to approve begins after the window, however long that was.
    const hour = 3_600_000;
    expect(Date.parse(waitingFor?.until ?? '')).toBeGreaterThanOrEqual(
      Date.parse(shadowEnd?.at ?? '') + hour,
    );
    const { subject } = (await tag.handle.query<{ subject: object } | null>('approval')) ?? {};
    await tag.send('approve', { subject }, { actor: 'bob', reason: 'fine' });
    expect(await run.result()).toMatchObject({
      ...{ outcome: 'promoted', shadow: { verdict: 'passed', candidate: `${tag.tag}/2` } },
    });
    expect(mirrored(tag)).toBeUndefined();
  });

  it('S1 of a candidate that failed it is rejected, with what it failed by', async () => {
    const tag = await shadowedTag();
    world.compute.measures = () => ({ disagreement_rate: 0.3 });
    const run = await startRollout(world, tag.tag, { version: 2 });
    const result = await run.result();
    world.compute.measures = () => ({ disagreement_rate: 0.01 });
    expect(result).toMatchObject({
      outcome: 'rejected',
      entry: null,
      shadow: { verdict: 'failed' },
    });
    expect(result.reason).toMatch(/^shadow window failed: disagreement_rate 0\.3 against/);
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, rollout: null });
  });

  it('U3 of a candidate that too few requests were mirrored to is inconclusive', async () => {
    const tag = await shadowedTag({}, 2);
    const result = await (await startRollout(world, tag.tag, { version: 2 })).result();
    expect(result).toMatchObject({
      outcome: 'inconclusive',
      shadow: { window: { extended: true } },
    });
  });

  it('F25 I10 whose candidate is rolled back while the window runs ends with it', async () => {
    const tag = await shadowedTag({ shadow: { ...SHADOW, duration: '1h' } });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await windowOpen(tag);
    await tag.rollback({ from: 2 });
    expect(await run.result()).toMatchObject({ outcome: 'aborted' });
    await until(
      () => mirrored(tag),
      (id) => id === undefined,
    );
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => !models.includes(`${tag.tag}/2`),
    );
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2] });
  });

  it('is not what a rollback leaves that names no model', async () => {
    const tag = await shadowedTag({ shadow: { ...SHADOW, duration: '1h' } });
    await tag.define();
    await tag.promote(3);
    await tag.define({ shadow: { ...SHADOW, duration: '1h' } });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await windowOpen(tag);
    expect(await tag.rollback()).toMatchObject({ action: 'rollback', from: `${tag.tag}/3` });
    expect(await run.result()).toMatchObject({ outcome: 'aborted' });
    expect((await tag.status()).quarantined).toEqual([3]);
  });

  it('I10 that is cancelled ends its window, and leaves no mirror', async () => {
    const tag = await shadowedTag({ shadow: { ...SHADOW, duration: '1h' } });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await windowOpen(tag);
    await run.cancel();
    await expect(run.result()).rejects.toThrow();
    expect(mirrored(tag)).toBeUndefined();
    expect((await tag.status()).rollout).toBeNull();
  });

  it('I10 that is cancelled gives its turn back, also when the registry is away', async () => {
    const tag = await shadowedTag({ shadow: { ...SHADOW, duration: '1h' } });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await windowOpen(tag);
    const back = latch();
    world.registry.fault = (method, of) =>
      of === tag.tag && method === 'closeRun' ? back.passed : undefined;
    try {
      await run.cancel();
      await until(
        () => tag.status(),
        ({ rollout, shadow }) => rollout === null && shadow === null,
      );
      expect((await run.describe()).status.name).toBe('RUNNING');
    } finally {
      world.registry.fault = () => undefined;
      back.open();
    }
    await expect(run.result()).rejects.toThrow();
  });

  it('S1 tells of its window also after a watch over several pages', async () => {
    const checks = [{ metric: 'error_rate' as const, max: 0.5 }];
    const tag = await shadowedTag({ rollout: { watch: '8s', checkEvery: '1s', checks } });
    const run = await startRollout(world, tag.tag, { version: 2, eventsPerPage: 60 });
    const page = async (): Promise<string> =>
      (await world.client.workflow.getHandle(run.workflowId).describe()).runId;
    const first = await page();
    const result = await run.result();
    expect(await page()).not.toBe(first);
    expect(result).toMatchObject({ outcome: 'promoted', shadow: { verdict: 'passed' } });
  });

  it('is aborted when somebody cancels its window', async () => {
    const tag = await shadowedTag({ shadow: { ...SHADOW, duration: '1h' } });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await windowOpen(tag);
    const window = run.workflowId.replace('rollout/', 'shadow/');
    await world.client.workflow.getHandle(window).cancel();
    expect(await run.result()).toMatchObject({
      ...{ outcome: 'aborted', reason: 'its shadow window was cancelled', shadow: null },
    });
    expect(mirrored(tag)).toBeUndefined();
  });

  it('has none with nothing live to compare with', async () => {
    const tag = new TagOnServer(world, unique('tag'));
    await tag.define({ shadow: { ...SHADOW, duration: '1h' } });
    for (const version of [1, 2]) world.registry.add(tag.tag, model(version));
    const first = await (await startRollout(world, tag.tag, { version: 1 })).result();
    expect(first).toMatchObject({ outcome: 'promoted', shadow: null });
  });
});
