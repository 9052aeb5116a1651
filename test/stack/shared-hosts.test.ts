import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostKindsOf } from './support/left-behind.js';
import { putLive, untouchedModels } from './support/models.js';
import { connected, CUTOFF, definitionOf, FLIGHT, type Connected } from './support/platform.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

/** Versions 1 and 2, registered to be served on a dedicated and on a shared host. */
async function bothKinds(): Promise<string> {
  const tag = await untouchedModels(on, 'kinds', 1, { serving: { kind: 'dedicated' } });
  const gate = { ...definitionOf(tag).gate, autoPromote: false };
  await on.platform.models.apply(definitionOf(tag, { gate, serving: { kind: 'shared' } }));
  await (await on.platform.retrain(tag, { asOf: CUTOFF, params: { nth: 2 } })).result();
  return tag;
}

it('G2 G4 G7 a tag moves to a shared host and back by promote and rollback, and no caller sees it', async () => {
  const tag = await bothKinds();
  await putLive(on, tag, 1);
  const answeredBy: string[] = [];
  let moving = true;
  const caller = (async () => {
    while (moving) answeredBy.push((await on.platform.score(tag, FLIGHT)).modelId);
  })();
  const answers = async (version: number): Promise<void> => {
    await expect
      .poll(() => answeredBy.at(-1), { timeout: 60_000 })
      .toBe(`${tag}/${String(version)}`);
  };

  await answers(1);
  await putLive(on, tag, 2);
  await answers(2);
  expect(await hostKindsOf(on.stack, tag)).toEqual({
    [`${tag}/1`]: 'dedicated',
    [`${tag}/2`]: 'shared',
  });
  await putLive(on, tag, 1);
  await answers(1);
  await on.platform.rollback(tag, { reason: 'back to the shared host' });
  await answers(2);
  moving = false;
  await caller;
  expect(new Set(answeredBy)).toEqual(new Set([`${tag}/1`, `${tag}/2`]));
  const moves = (await on.platform.ledger(tag, { limit: 10 })).map(({ action }) => action);
  expect(moves.filter((action) => ['promote', 'rollback'].includes(action))).toEqual([
    'rollback',
    'promote',
    'promote',
    'promote',
  ]);
});
