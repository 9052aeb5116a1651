import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFailure } from '../../temporal/errors.js';
import { model } from './policy/tag/tags.js';
import { startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function tagWithLive(): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  await (await startRollout(world, tag.tag, { version: 1 })).result();
  return tag;
}

const shadow = (tag: TagOnServer, version: number, lastsMs: number): Promise<unknown> =>
  tag.send('beginShadow', {
    model: model(version),
    samplingPercent: 50,
    until: new Date(Date.now() + lastsMs).toISOString(),
  });

const mirrored = (tag: TagOnServer): string | undefined =>
  world.routing.at(tag.tag).route.mirror?.modelId;

describe("a tag's mirror", () => {
  it('I13 is ended by the tag itself, and the route is what it was before', async () => {
    const tag = await tagWithLive();
    const before = world.routing.at(tag.tag).route;
    expect(await shadow(tag, 2, 1_500)).toMatchObject({
      action: 'shadow-start',
      outcome: 'applied',
    });
    expect(mirrored(tag)).toBe(`${tag.tag}/2`);
    expect((await tag.status()).shadow).toMatchObject({ modelId: `${tag.tag}/2` });
    await until(
      () => tag.status(),
      ({ shadow: held }) => held === null,
    );
    await until(
      () => tag.actions(),
      (actions) => actions.at(-1) === 'shadow-end',
    );
    expect(world.routing.at(tag.tag).route).toEqual(before);
  });

  it('I13 goes with the incumbent it is compared with, in the same write', async () => {
    const tag = await tagWithLive();
    await shadow(tag, 2, 3_600_000);
    expect(await (await startRollout(world, tag.tag, { version: 3 })).result()).toMatchObject({
      outcome: 'promoted',
    });
    expect(mirrored(tag)).toBeUndefined();
    expect((await tag.actions()).slice(-3)).toEqual(['rollout-start', 'shadow-end', 'promote']);
  });

  it('ends with its candidate, when that is quarantined', async () => {
    const tag = await tagWithLive();
    await shadow(tag, 2, 3_600_000);
    await tag.quarantine(2);
    await until(
      () => mirrored(tag),
      (id) => id === undefined,
    );
    expect((await tag.status()).shadow).toBeNull();
  });

  it('is one at a time, of another model than the live one, and has an end to come', async () => {
    const tag = await tagWithLive();
    const refusedAs = (type: 'Busy' | 'InvalidRequest') => (error: unknown) =>
      isFailure(error, type);
    await expect(shadow(tag, 1, 60_000)).rejects.toSatisfy(refusedAs('InvalidRequest'));
    await expect(shadow(tag, 2, -1)).rejects.toSatisfy(refusedAs('InvalidRequest'));
    await shadow(tag, 2, 60_000);
    await expect(shadow(tag, 3, 60_000)).rejects.toSatisfy(refusedAs('Busy'));
  });
});
