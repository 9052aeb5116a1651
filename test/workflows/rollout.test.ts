import { CancelledFailure } from '@temporalio/common';
import type { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFailure } from '../../temporal/errors.js';
import { refusedWith } from '../../testing/refusals.js';
import { model } from './policy/tag/tags.js';
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

/** A tag with version 1 live and versions 2 to 4 registered. */
async function tagWithCandidates(): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3, 4]) world.registry.add(tag.tag, model(version));
  await (await startRollout(world, tag.tag, { version: 1 })).result();
  return tag;
}

/** Keeps hosts of this model from getting ready until told to let them. */
function hold(modelId: string): { letGo: () => void } {
  world.hosting.observed = (spec) => (spec.modelId === modelId ? 'starting' : 'ready');
  return {
    letGo: () => {
      world.hosting.observed = () => 'ready';
    },
  };
}

describe('a rollout', () => {
  it('warms the host before any traffic goes there', async () => {
    const tag = await tagWithCandidates();
    const { letGo } = hold(`${tag.tag}/2`);
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'host');
    expect(await tag.status()).toMatchObject({
      live: `${tag.tag}/1`,
      rollout: { modelId: `${tag.tag}/2`, weightPercent: 0, workflowId: run.workflowId },
    });
    letGo();
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    expect(world.routing.at(tag.tag).route.live?.modelId).toBe(`${tag.tag}/2`);
  });

  it('U8 waits for its turn, is told when it comes, and the latest that waits is the one', async () => {
    const tag = await tagWithCandidates();
    const { letGo } = hold(`${tag.tag}/2`);
    const first = await startRollout(world, tag.tag, { version: 2 });
    await inStage(first, 'host');
    const second = await startRollout(world, tag.tag, { version: 3 });
    expect((await inStage(second, 'turn', 'waiting')).waitingFor).toEqual({ what: 'turn' });
    const third = await startRollout(world, tag.tag, { version: 4 });
    await inStage(third, 'turn', 'waiting');
    letGo();
    expect(await first.result()).toMatchObject({ outcome: 'promoted' });
    expect(await third.result()).toMatchObject({ outcome: 'promoted', modelId: `${tag.tag}/4` });
    await second.signal('turn', { ticket: 1 });
    expect(await second.result()).toMatchObject({ outcome: 'superseded', entry: null });
    expect((await tag.actions()).filter((action) => action === 'promote')).toHaveLength(3);
    expect((await tag.status()).live).toBe(`${tag.tag}/4`);
  });

  it('F33 that is cancelled gives its lease back and leaves no host', async () => {
    const tag = await tagWithCandidates();
    const { letGo } = hold(`${tag.tag}/2`);
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'host');
    await run.cancel();
    const error = await run.result().catch((said: unknown) => said);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    letGo();
    expect(await tag.status()).toMatchObject({ rollout: null, live: `${tag.tag}/1` });
    expect((await tag.actions()).at(-1)).toBe('abort');
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => !models.includes(`${tag.tag}/2`),
    );
  });

  it('F33 that is cancelled while it asks for its turn keeps no lease', async () => {
    const tag = await tagWithCandidates();
    const { passed, open } = latch();
    world.routing.before = (name) => (name === tag.tag ? passed : undefined);
    const first = await startRollout(world, tag.tag, { version: 2 });
    await inStage(first, 'commit');
    await until(
      () => tag.status(),
      ({ serving }) => !serving.inSync,
    );
    const accepted = await tag.accepted();
    const second = await startRollout(world, tag.tag, { version: 3 });
    await until(
      () => tag.accepted(),
      (count) => count === accepted + 1,
    );
    await second.cancel();
    open();
    expect(await first.result()).toMatchObject({ outcome: 'promoted' });
    await expect(second.result()).rejects.toThrow();
    expect(await tag.status()).toMatchObject({ rollout: null, live: `${tag.tag}/2` });
    world.routing.before = () => undefined;
  });

  it('F33 that is cancelled while it commits tells what became of it', async () => {
    const tag = await tagWithCandidates();
    const { passed, open } = latch();
    world.routing.before = (name) => (name === tag.tag ? passed : undefined);
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'commit');
    await until(
      () => tag.status(),
      ({ serving }) => !serving.inSync,
    );
    await run.cancel();
    open();
    expect(await run.result()).toMatchObject({ outcome: 'promoted', modelId: `${tag.tag}/2` });
    expect(await tag.status()).toMatchObject({
      ...{ rollout: null, live: `${tag.tag}/2` },
      lastRun: { decision: 'promoted' },
    });
    world.routing.before = () => undefined;
  });

  it('F25 whose candidate is rolled back while its host starts ends as aborted', async () => {
    const tag = await tagWithCandidates();
    const { letGo } = hold(`${tag.tag}/2`);
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'host');
    expect(await tag.rollback()).toMatchObject({ action: 'abort', from: `${tag.tag}/2` });
    await until(
      () => world.hosting.retiredAt.has(`${tag.tag}/2`),
      (retired) => retired,
    );
    letGo();
    expect(await run.result()).toMatchObject({ outcome: 'aborted', entry: null });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2] });
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => !models.includes(`${tag.tag}/2`),
    );
  });

  it('F20 of a model that does not load fails by that name and gives its lease back', async () => {
    const tag = await tagWithCandidates();
    world.hosting.observed = (spec) => (spec.modelId === `${tag.tag}/2` ? 'unhealthy' : 'ready');
    const run = await startRollout(world, tag.tag, { version: 2 });
    expect(await refusedWith('HostFailed', run.result())).toMatchObject({ stage: 'host' });
    world.hosting.observed = () => 'ready';
    expect(await tag.status()).toMatchObject({ rollout: null, live: `${tag.tag}/1` });
  });

  it('of a quarantined version ends as aborted, and of one that nobody registered fails', async () => {
    const tag = await tagWithCandidates();
    await tag.quarantine(2);
    const refused = await startRollout(world, tag.tag, { version: 2 });
    expect(await refused.result()).toMatchObject({ outcome: 'aborted', entry: null });
    const unknown = await startRollout(world, tag.tag, { version: 9 });
    const error = await unknown.result().catch((said: unknown) => said);
    expect(isFailure((error as Error).cause, 'UnknownModel')).toBe(true);
  });

  it('F24 judged against a model that is not live any more stands back', async () => {
    const tag = await tagWithCandidates();
    await (await startRollout(world, tag.tag, { version: 2 })).result();
    const late = await startRollout(world, tag.tag, { version: 3, expectedLive: 1 });
    expect(await late.result()).toMatchObject({ outcome: 'superseded' });
    expect((await tag.status()).live).toBe(`${tag.tag}/2`);
  });
});
