import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShadowReport } from '../../temporal/contracts/shadow.js';
import { refusedWith } from '../../testing/refusals.js';
import { inStage, startRollout } from './support/runs.js';
import { causeOf, Shadowing } from './support/shadows.js';
import type { TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
let shadowing: Shadowing;
beforeAll(async () => {
  world = await startWorld();
  shadowing = await Shadowing.in(world);
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Longer than a busy machine takes to ask what a test asks of an open window. */
const OPEN = { duration: '6s' };
/** Longer than it takes to begin one. */
const SHORT = { duration: '4s' };

const hostGone = (tag: TagOnServer): Promise<unknown> =>
  until(
    () => world.hosting.modelsOf(tag.tag),
    (models) => !models.includes(`${tag.tag}/2`),
  );

const shadowEnds = async (tag: TagOnServer) =>
  (await tag.ledger()).filter(({ action }) => action === 'shadow-end');

describe('a shadow run', () => {
  it('S1 C5 I13 mirrors for its slot, judges what it showed, and leaves the route as it was', async () => {
    const tag = await shadowing.tagWithTraffic();
    const before = shadowing.routeOf(tag);
    const run = await shadowing.start(tag, OPEN);
    const view = await inStage(run, 'window', 'waiting');
    expect(view.waitingFor).toEqual({
      what: 'window',
      until: shadowing.routeOf(tag).mirror?.until,
    });
    expect(shadowing.routeOf(tag).mirror).toMatchObject({
      modelId: `${tag.tag}/2`,
      samplingPercent: 100,
    });
    const report = await run.result();
    expect(report).toMatchObject({
      ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1`, verdict: 'passed' },
      ...{ routeRestored: true, metrics: { disagreement_rate: 0.01 } },
      requests: { eligible: 100, mirrored: 100, dropped: 0, failed: 0 },
      window: { extended: false },
    });
    expect(shadowing.routeOf(tag)).toEqual(before);
    expect(await tag.actions()).toEqual([
      ...['define', 'rollout-start', 'promote', 'shadow-start', 'shadow-end'],
    ]);
    expect(world.registry.runs.get(report.registryRunId)).toMatchObject({ status: 'FINISHED' });
    await hostGone(tag);
    expect(await shadowing.bookingsOf('wide', tag.tag)).toMatchObject([{ state: 'done' }]);
  });

  it('S1 whose metric is above its bound is failed, and has changed nothing', async () => {
    const tag = await shadowing.tagWithTraffic();
    world.compute.measures = (of) => ({ disagreement_rate: of === tag.tag ? 0.2 : 0.01 });
    const report = await (await shadowing.start(tag, SHORT)).result();
    world.compute.measures = () => ({ disagreement_rate: 0.01 });
    expect(report).toMatchObject({ verdict: 'failed', routeRestored: true });
    expect((await tag.status()).live).toBe(`${tag.tag}/1`);
  });

  it('U3 with too few requests is as long again, once, and then inconclusive', async () => {
    const tag = await shadowing.tagWithTraffic(3);
    const report = await (await shadowing.start(tag, SHORT)).result();
    expect(report).toMatchObject({ verdict: 'inconclusive', window: { extended: true } });
    const shadows = (await tag.ledger()).filter(({ action }) => action.startsWith('shadow-'));
    const begun = shadows.filter(({ action }) => action === 'shadow-start');
    expect(begun.map(({ actor }) => actor)).toEqual(['ada', 'modelyard']);
    const [first = '', second = ''] = begun.map(({ evidence: [said = ''] }) => said.slice(-24));
    expect(Date.parse(second)).toBeGreaterThan(Date.parse(first) + 1_000);
    expect(shadows.at(-1)).toMatchObject({ action: 'shadow-end', at: report.window.until });
  });

  it('U3 without room to extend ends in time, inconclusive', async () => {
    const pool = unique('full').slice(0, 30);
    await shadowing.applyPool(pool, 1);
    const [tag, next] = [await shadowing.tagWithTraffic(3), await shadowing.tagWithTraffic()];
    const run = await shadowing.start(tag, { pool, ...OPEN });
    await inStage(run, 'window', 'waiting');
    const later = await shadowing.start(next, { pool, ...SHORT, whenFull: 'wait' });
    expect((await inStage(later, 'slot', 'waiting')).waitingFor?.what).toBe('slot');
    expect(await run.result()).toMatchObject({
      ...{ verdict: 'inconclusive', window: { extended: false } },
    });
    expect(await later.result()).toMatchObject({ verdict: 'passed' });
  });

  it('S1 is refused where its pool has no room, and told when there is', async () => {
    const pool = unique('full').slice(0, 30);
    await shadowing.applyPool(pool, 1);
    const [tag, other] = [await shadowing.tagWithTraffic(), await shadowing.tagWithTraffic()];
    const run = await shadowing.start(tag, { pool, ...OPEN });
    await inStage(run, 'window', 'waiting');
    const refused = await shadowing.start(other, { pool });
    const said = await refusedWith('NoSlot', refused.result());
    expect(said).toMatchObject({ stage: 'slot', nextFree: expect.any(String) });
    expect((await other.actions()).at(-1)).toBe('promote');
    await run.result();
  });

  it('I10 that is cancelled leaves no mirror, no host and no booking', async () => {
    const tag = await shadowing.tagWithTraffic();
    const before = shadowing.routeOf(tag);
    const run = await shadowing.start(tag, { duration: '1h' });
    await inStage(run, 'window', 'waiting');
    await run.cancel();
    expect(await causeOf(run)).toBeInstanceOf(CancelledFailure);
    expect(shadowing.routeOf(tag)).toEqual(before);
    await hostGone(tag);
    expect(await shadowing.bookingsOf('wide', tag.tag)).toMatchObject([{ state: 'cancelled' }]);
    expect(world.registry.runsOf(tag.tag).map(({ status }) => status)).toEqual(['KILLED']);
  });

  it('I13 is cancelled by a change of the live model, which takes the mirror along', async () => {
    const tag = await shadowing.tagWithTraffic();
    const run = await shadowing.start(tag, { duration: '1h' });
    await inStage(run, 'window', 'waiting');
    await (await startRollout(world, tag.tag, { version: 3 })).result();
    const report = await run.result();
    expect(report).toMatchObject({ verdict: 'cancelled', routeRestored: true });
    expect(report.checks[0]?.reason).toMatch(/^cancelled: incumbent changed: /);
    expect(shadowing.routeOf(tag)).toMatchObject({ live: { modelId: `${tag.tag}/3` } });
    expect(shadowing.routeOf(tag).mirror).toBeUndefined();
    expect(await shadowing.bookingsOf('wide', tag.tag)).toMatchObject([{ state: 'cancelled' }]);
  });

  it('is cancelled when its candidate is quarantined', async () => {
    const tag = await shadowing.tagWithTraffic();
    const run = await shadowing.start(tag, { duration: '1h' });
    await inStage(run, 'window', 'waiting');
    await tag.quarantine(2);
    const report = await run.result();
    expect(report).toMatchObject({ verdict: 'cancelled', routeRestored: true });
    expect(report.checks[0]?.reason).toBe('cancelled: the candidate was quarantined');
    expect(await shadowEnds(tag)).toHaveLength(1);
  });

  it('S1 fails at once of a candidate that refuses what the live model answers', async () => {
    const tag = await shadowing.tagWithTraffic();
    world.predictions.answer = () => ({ status: 400, body: { detail: 'column b is missing' } });
    const report = await (await shadowing.start(tag, { duration: '1h' })).result();
    world.predictions.answer = () => ({ status: 200, body: { predictions: [0.5] } });
    expect(report).toMatchObject({ verdict: 'failed', routeRestored: true });
    expect(report.checks[0]).toMatchObject({ rule: 'live traffic' });
    expect(report.checks[0]?.reason).toContain('column b is missing');
    expect((await tag.actions()).at(-1)).toBe('promote');
    await hostGone(tag);
  });

  it('S1 has its end moved, and ends when it is told to', async () => {
    const tag = await shadowing.tagWithTraffic();
    const run = await shadowing.start(tag, { duration: '1h' });
    const { waitingFor } = await inStage(run, 'window', 'waiting');
    const later = new Date(Date.parse(waitingFor?.until ?? '') + 3_600_000).toISOString();
    const extend = (end: string) =>
      run.executeUpdate<{ until: string }, [object]>('extendShadow', {
        args: [{ until: end, actor: 'bob' }],
      });
    expect(await extend(later)).toEqual({ until: later });
    expect(shadowing.routeOf(tag).mirror?.until).toBe(later);
    expect(await shadowing.bookingsOf('wide', tag.tag)).toMatchObject([{ until: later }]);
    const past = new Date(Date.now() - 1_000).toISOString();
    const year = new Date(Date.now() + 365 * 24 * 3_600_000).toISOString();
    for (const end of [past, year]) await refusedWith('InvalidRequest', extend(end));
    await run.executeUpdate('endShadowNow', { args: [{ reason: 'seen enough', actor: 'bob' }] });
    expect(await run.result()).toMatchObject({ verdict: 'passed', window: { extended: true } });
    expect((await tag.ledger()).at(-1)).toMatchObject({ actor: 'bob', reason: 'seen enough' });
  });

  it('is one at a time for a tag', async () => {
    const tag = await shadowing.tagWithTraffic();
    const run = await shadowing.start(tag, OPEN);
    await inStage(run, 'window', 'waiting');
    const other = await shadowing.start(tag, { version: 3 });
    await refusedWith('Busy', other.result());
    expect(await run.result()).toMatchObject({ verdict: 'passed' });
    const states = (await shadowing.bookingsOf('wide', tag.tag)).map(({ state }) => state);
    expect(states.sort()).toEqual(['cancelled', 'done']);
  });

  it.each([
    ['is live', 1, 'InvalidRequest'],
    ['is quarantined', 3, 'Quarantined'],
    ['nobody registered', 9, 'UnknownModel'],
  ] as const)('is refused for a version that %s', async (_, version, type) => {
    const tag = await shadowing.tagWithTraffic();
    await tag.quarantine(3);
    const said = await refusedWith(type, (await shadowing.start(tag, { version })).result());
    expect(said).toMatchObject({ stage: 'candidate' });
    expect(await shadowing.bookingsOf('wide', tag.tag)).toEqual([]);
  });

  it('F26 whose time had passed before its mirror could begin is inconclusive', async () => {
    const tag = await shadowing.tagWithTraffic();
    world.hosting.observed = (spec) => (spec.modelId === `${tag.tag}/2` ? 'starting' : 'ready');
    const run = await shadowing.start(tag, { duration: '1s' });
    await inStage(run, 'host');
    await sleep(1_200);
    world.hosting.observed = () => 'ready';
    const report: ShadowReport = await run.result();
    expect(report).toMatchObject({ verdict: 'inconclusive', routeRestored: true });
    expect((await tag.actions()).at(-1)).toBe('promote');
  });

  it('S1 lasts as long as was asked from when its host is ready, where its pool has room', async () => {
    const tag = await shadowing.tagWithTraffic();
    world.hosting.observed = (spec) => (spec.modelId === `${tag.tag}/2` ? 'starting' : 'ready');
    const run = await shadowing.start(tag, { duration: '3s', fromReady: true });
    await inStage(run, 'host');
    await sleep(3_200);
    world.hosting.observed = () => 'ready';
    expect(await run.result()).toMatchObject({ verdict: 'passed' });
    expect((await tag.actions()).slice(-2)).toEqual(['shadow-start', 'shadow-end']);
  });

  it('S1 waits for a host that is just going, and brings it up anew', async () => {
    const tag = await shadowing.tagWithTraffic();
    const candidate = `${tag.tag}/2`;
    const [going, gone] = [latch(), latch()];
    world.hosting.leaving = async (modelId) => {
      if (modelId !== candidate) return;
      going.open();
      await gone.passed;
    };
    try {
      await (await shadowing.start(tag, SHORT)).result();
      await going.passed;
      const second = await shadowing.start(tag, { ...SHORT, fromReady: true });
      await inStage(second, 'host');
      // As long as the host is going, the run must not rely on it.
      await sleep(500);
      expect(await second.query('status')).toMatchObject({ stage: 'host' });
      gone.open();
      expect(await second.result()).toMatchObject({ verdict: 'passed' });
      expect(world.hosting.retiredAt.has(candidate)).toBe(true);
    } finally {
      world.hosting.leaving = () => Promise.resolve();
      gone.open();
    }
  });
});
