import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callMlflow } from '../support/mlflow-api.js';
import { aliasesOf } from './support/left-behind.js';
import { putLive, untouchedModels } from './support/models.js';
import { connected, FLIGHT, type Connected } from './support/platform.js';

const LOOK_EVERY_MS = 500;
const MOST_LOOKS = 120;

let on: Connected;
let tag: string;
beforeAll(async () => {
  on = await connected();
  tag = await untouchedModels(on, 'foreign-alias', 2);
  await putLive(on, tag, 1);
});
afterAll(() => on.platform.close());

const moveChampion = (version: number): Promise<unknown> =>
  callMlflow(on.stack.mlflow.url, 'POST', 'registered-models/alias', {
    ...{ name: tag, alias: 'champion', version: String(version) },
  });

const champion = async (): Promise<string | undefined> =>
  (await aliasesOf(on.stack, tag))['champion'];

/** Looks of half a second for a minute. */
async function untilChampion(version: string): Promise<void> {
  for (let looks = 0; (await champion()) !== version; looks += 1) {
    expect(looks, `looks at an alias that is not ${version}`).toBeLessThan(MOST_LOOKS);
    await sleep(LOOK_EVERY_MS);
  }
}

describe('the champion alias, moved by hand in MLflow', () => {
  it('F11 is put back within a minute by the sweeps alone, and moves no traffic', async () => {
    await untilChampion('1');
    const before = await on.platform.status(tag);
    await moveChampion(2);
    await untilChampion('1');
    const after = await on.platform.status(tag);
    expect(after).toMatchObject({ live: `${tag}/1`, seq: before.seq, fence: before.fence });
    expect((await on.platform.score(tag, FLIGHT)).modelId).toBe(`${tag}/1`);
  });

  it('F11 is told by a dry run, and put back on request', async () => {
    await moveChampion(2);
    const what = 'the alias champion is 2 in MLflow, expected 1';
    const told = await on.platform.reconcile(tag, { dryRun: true });
    // A sweep may have been here in between: then nothing differs any more.
    for (const finding of told.findings) expect(finding).toEqual({ tag, what, repaired: false });
    await on.platform.reconcile(tag);
    expect(await champion()).toBe('1');
    expect(await on.platform.reconcile(tag)).toEqual({ findings: [] });
  });
});
