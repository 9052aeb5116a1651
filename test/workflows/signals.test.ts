import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from './policy/tag/tags.js';
import { inStage, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A tag with version 1 live, and 2 and 3 registered. */
async function tagWithCandidates(): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  await (await startRollout(world, tag.tag, { version: 1 })).result();
  return tag;
}

describe('a signal', () => {
  it('F8 "your turn" that comes early, twice and for another ticket gives nobody a second lease', async () => {
    const tag = await tagWithCandidates();
    world.hosting.observed = ({ modelId }) => (modelId === `${tag.tag}/2` ? 'starting' : 'ready');
    const first = await startRollout(world, tag.tag, { version: 2 });
    await inStage(first, 'host');
    const second = await startRollout(world, tag.tag, { version: 3 });
    await inStage(second, 'turn', 'waiting');
    for (const ticket of [0, 1, 1, 2, 1, 99]) await second.signal('turn', { ticket });
    await inStage(second, 'turn', 'waiting');
    expect(await tag.status()).toMatchObject({ rollout: { modelId: `${tag.tag}/2` } });
    world.hosting.observed = () => 'ready';
    expect(await first.result()).toMatchObject({ outcome: 'promoted' });
    expect(await second.result()).toMatchObject({ outcome: 'promoted' });
    const granted = (await tag.actions()).filter((action) => action === 'rollout-start');
    expect(granted).toHaveLength(3);
  });

  it('F8 of the end of a lease that is not its own, twice, does not end a rollout', async () => {
    const tag = await tagWithCandidates();
    world.hosting.observed = ({ modelId }) => (modelId === `${tag.tag}/2` ? 'starting' : 'ready');
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'host');
    const foreign = { about: 'lease', lease: 'lease-0', type: 'LeaseLost', reason: 'an old one' };
    for (const told of [foreign, foreign]) await run.signal('notice', told);
    world.hosting.observed = () => 'ready';
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
  });

  it('F8 of the end of a run counts once: neither a second nor an older one changes what is known since', async () => {
    const tag = await tagWithCandidates();
    await (await startRollout(world, tag.tag, { version: 2 })).result();
    const { lastRun } = await until(
      () => tag.status(),
      (status) => status.lastRun?.workflowId.includes('/2/') === true,
    );
    await tag.rollback();
    await tag.handle.signal('runEnded', lastRun);
    const older = { workflowId: 'older', decision: null, finishedAt: '2020-01-01T00:00:00.000Z' };
    await tag.handle.signal('runEnded', older);
    expect((await tag.status()).lastRun).toEqual({ ...lastRun, decision: 'rolled-back' });
  });
});
