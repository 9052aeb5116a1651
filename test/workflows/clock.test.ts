import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutGrant } from '../../temporal/contracts/tag.js';
import { refusedWith } from '../../testing/refusals.js';
import { TagOnServer } from './support/tag.js';
import { startShiftedWorker, type ShiftedWorker } from './support/shifted-worker.js';
import { startWorld, unique, until, type World } from './support/world.js';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Of the server's clock, which is this machine's. */
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

type Granted = Extract<RolloutGrant, { state: 'granted' }>;

describe.each([
  ['ahead', 7],
  ['behind', -7],
])('with a worker whose clock is seven hours %s', (direction, hours) => {
  let worker: ShiftedWorker;
  let tag: TagOnServer;
  beforeAll(async () => {
    const taskQueue = unique('shifted');
    worker = await startShiftedWorker(world.address, taskQueue, hours * HOUR_MS);
    tag = new TagOnServer({ ...world, taskQueue }, unique('clock'));
    await tag.define();
  }, 60_000);
  afterAll(() => worker[Symbol.asyncDispose]());

  it(`F29 (${direction}) its clock is wrong indeed, and the ledger's times are the server's`, async () => {
    expect(Math.abs(worker.readyAt.getTime() - Date.now() - hours * HOUR_MS)).toBeLessThan(
      5 * MINUTE_MS,
    );
    await tag.promote(1);
    for (const { at } of await tag.ledger())
      expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(5 * MINUTE_MS);
  });

  it(`F29 (${direction}) a lease and a canary step last as long as they were given, and a rollout commits under them`, async () => {
    const grant = (await tag.begin(2)) as Granted;
    expect(Math.abs(Date.parse(grant.deadline) - Date.now() - HOUR_MS)).toBeLessThan(5 * MINUTE_MS);
    await tag.send('shiftTraffic', { lease: grant.lease, step: 1, weightPercent: 20 });
    expect((await tag.status()).rollout).toMatchObject({ weightPercent: 20 });
    expect(await tag.commit(grant.lease, { workflowId: 'rollout/2' })).toMatchObject({
      outcome: 'applied',
    });
  });

  it(`F29 (${direction}) a freeze keeps rollouts out until its end by the server's clock, and no longer`, async () => {
    await tag.send('freeze', { until: inMs(HOUR_MS) });
    await refusedWith('Frozen', tag.begin(3));
    expect((await tag.status()).frozen).not.toBeNull();
    await tag.send('unfreeze', {});
    await tag.send('freeze', { until: inMs(2_000) });
    await until(
      () => tag.status(),
      ({ frozen }) => frozen === null,
    );
    const { at } = (await tag.ledger()).at(-1) ?? { at: '' };
    expect((await tag.actions()).slice(-4)).toEqual(['freeze', 'unfreeze', 'freeze', 'unfreeze']);
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(5 * MINUTE_MS);
    expect(await tag.begin(3)).toMatchObject({ state: 'granted' });
  });
});
