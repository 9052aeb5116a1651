import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import type { ShadowRequest } from '../../temporal/contracts/runs.js';
import { refusedWith } from '../../testing/refusals.js';
import { definition, model } from './policy/tag/tags.js';
import { beginNow, hour, PoolOnServer } from './support/pool.js';
import { inStage, startRollout, startShadow } from './support/runs.js';
import { startSkippingWorld, type SkippingWorld } from './support/skipping-world.js';
import { TagOnServer } from './support/tag.js';
import { unique } from './support/world.js';

/**
 * A test that finds the server stuck begins anew with another one: it refuses a workflow task that cancels a timer which fires
 * just then, and never gives out another (sdk-java #2606).
 */
const STUCK = { retry: 4, timeout: 20_000 };

const HOUR_MS = 3_600_000;

let world: SkippingWorld | null = null;
beforeEach(async () => {
  world = await startSkippingWorld();
}, 600_000);
afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
});

function skipping(context: TestContext): SkippingWorld {
  if (world) return world;
  context.skip('no server that skips time: neither Maven nor a download');
}

/** With all that it writes, measures and records; however long it lasts. */
const EVENTS_OF_A_WINDOW = 150;
const CHECKS = [{ metric: 'disagreement_rate', max: 0.05 }];

/** A tag with version 1 live, 2 registered. */
async function tagOf(
  days: SkippingWorld,
  over: Partial<ModelDefinition> = {},
): Promise<TagOnServer> {
  const tag = new TagOnServer(days, unique('tag'));
  await tag.define();
  for (const version of [1, 2]) days.registry.add(tag.tag, model(version));
  await (await startRollout(days, tag.tag, { version: 1 })).result();
  await tag.define(over);
  return tag;
}

const live = (days: SkippingWorld, tag: TagOnServer): string | undefined =>
  days.routing.at(tag.tag).route.live?.modelId;

/** Such a tag, whose windows show so many copies that version 2 answered. */
async function mirroredTag(days: SkippingWorld, copies: number): Promise<TagOnServer> {
  const tag = await tagOf(days);
  showCopies(days, tag, copies);
  return tag;
}

function showCopies(days: SkippingWorld, { tag }: TagOnServer, answered: number): void {
  const [candidate, incumbent] = [`${tag}/2`, `${tag}/1`];
  days.predictions.show(tag, { candidate, incumbent, answered, failed: 0 });
  days.monitoring.mirrorFlow(tag, candidate, answered);
}

const mirrorWindow = (days: SkippingWorld, tag: TagOnServer, over: Partial<ShadowRequest> = {}) =>
  startShadow(days, tag.tag, { version: 2, duration: '24h', checks: CHECKS, ...over });

const mirror = (days: SkippingWorld, tag: TagOnServer) => days.routing.at(tag.tag).route.mirror;

const hoursBetween = (from: string, until: string): number =>
  (Date.parse(until) - Date.parse(from)) / HOUR_MS;

describe('over hours and days', STUCK, () => {
  it('I13 a mirror of a day is ended by the tag at its instant', async (context) => {
    const days = skipping(context);
    const tag = await tagOf(days);
    const before = days.routing.at(tag.tag).route;
    const until = new Date((await days.now()) + 24 * 3_600_000).toISOString();
    await tag.send('beginShadow', { model: model(2), samplingPercent: 50, until });
    await days.pass('23h');
    expect(days.routing.at(tag.tag).route.mirror).toBeDefined();
    await days.pass('61m');
    expect(days.routing.at(tag.tag).route).toEqual(before);
    const end = (await tag.ledger()).find(({ action }) => action === 'shadow-end');
    expect(Date.parse(end?.at ?? '') - Date.parse(until)).toBeLessThan(60_000);
  });

  it('I4 steps of twelve hours and a watch of a day keep their lease and their hours', async (context) => {
    const days = skipping(context);
    const steps = [25, 50].map((weightPercent) => ({ weightPercent, hold: '12h' }));
    const tag = await tagOf(days, { rollout: { steps, watch: '1d', checkEvery: '1h' } });
    const begun = await days.now();
    const run = await startRollout(days, tag.tag, { version: 2 });
    await days.pass('23h');
    expect(live(days, tag)).toBe(`${tag.tag}/1`);
    await days.pass('2h');
    expect(live(days, tag)).toBe(`${tag.tag}/2`);
    expect((await run.describe()).status.name).toBe('RUNNING');
    await days.pass('1d');
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    const promoted = (await tag.ledger()).find(
      ({ action, to }) => action === 'promote' && to === `${tag.tag}/2`,
    );
    expect((Date.parse(promoted?.at ?? '') - begun) / 3_600_000).toBeCloseTo(24, 1);
  });

  it('F34 an approval that nobody gives in three days is a rejection', async (context) => {
    const days = skipping(context);
    const gate = {
      metrics: [{ name: 'auc', direction: 'higher' as const, threshold: 0.6 }],
      approval: { required: 1 },
    };
    const tag = await tagOf(days, { gate });
    const run = await startRollout(days, tag.tag, { version: 2 });
    await days.pass('71h');
    expect((await run.describe()).status.name).toBe('RUNNING');
    await days.pass('2h');
    expect(await run.result()).toMatchObject({ outcome: 'rejected' });
    expect(live(days, tag)).toBe(`${tag.tag}/1`);
  });

  it('U7 the model that was live stays warm for its hours, and is then retired', async (context) => {
    const days = skipping(context);
    const tag = await tagOf(days, { rollout: { keepPreviousWarm: '6h' } });
    await (await startRollout(days, tag.tag, { version: 2 })).result();
    await days.pass('5h');
    expect((await tag.status()).previousWarm).toBe(true);
    await days.pass('2h');
    expect((await tag.status()).previousWarm).toBe(false);
  });
});

describe('a shadow window of a day', STUCK, () => {
  it('I13 C5 ends at its instant and is judged, and costs no event while it waits', async (context) => {
    const days = skipping(context);
    const tag = await mirroredTag(days, 100);
    const before = days.routing.at(tag.tag).route;
    const run = await mirrorWindow(days, tag);
    const { waitingFor } = await inStage(run, 'window', 'waiting');
    await days.pass('1h');
    const { historyLength: begun } = await run.describe();
    const ofTag = await tag.events();
    await days.pass('22h');
    expect(mirror(days, tag)?.until).toBe(waitingFor?.until);
    expect((await run.describe()).historyLength).toBe(begun);
    expect(await tag.events()).toBe(ofTag);
    await days.pass('61m');
    const report = await run.result();
    expect(report).toMatchObject({ verdict: 'passed', routeRestored: true });
    expect(hoursBetween(report.window.from, report.window.until)).toBeCloseTo(24, 1);
    expect(days.routing.at(tag.tag).route).toEqual(before);
    expect((await run.describe()).historyLength).toBeLessThan(EVENTS_OF_A_WINDOW);
  });

  it('U3 with too few requests is a day longer, once, and then inconclusive', async (context) => {
    const days = skipping(context);
    const tag = await mirroredTag(days, 3);
    const run = await mirrorWindow(days, tag);
    await inStage(run, 'window', 'waiting');
    await days.pass('25h');
    expect(mirror(days, tag)).toBeDefined();
    await days.pass('22h');
    expect(mirror(days, tag)).toBeDefined();
    await days.pass('2h');
    const report = await run.result();
    expect(report).toMatchObject({ verdict: 'inconclusive', window: { extended: true } });
    expect(hoursBetween(report.window.from, report.window.until)).toBeCloseTo(48, 1);
  });

  it('S1 that was booked for the day after tomorrow starts on time', async (context) => {
    const days = skipping(context);
    beginNow();
    const tag = await mirroredTag(days, 100);
    const pool = new PoolOnServer(days, 'default');
    const { bookingId } = await pool.book(48, 72, { tag: tag.tag, version: 2 });
    const slot = { from: hour(48), until: hour(72) };
    const run = await mirrorWindow(days, tag, { ...slot, bookingId });
    expect((await inStage(run, 'slot', 'waiting')).waitingFor?.until).toBe(slot.from);
    await days.pass('47h');
    expect(mirror(days, tag)).toBeUndefined();
    await days.pass('2h');
    expect(mirror(days, tag)?.until).toBe(slot.until);
    // Its own end is at the instant of the tag's: what the server gets stuck with.
    await run.executeUpdate('endShadowNow', { args: [{ actor: 'eve', reason: 'enough' }] });
    const { verdict, window } = await run.result();
    expect(verdict).toBe('passed');
    expect(hoursBetween(slot.from, window.from)).toBeCloseTo(0, 2);
    expect(window.from >= slot.from).toBe(true);
  });

  it('S1 that was booked and that no run takes is free again ten minutes after its beginning', async (context) => {
    const days = skipping(context);
    beginNow();
    const pool = new PoolOnServer(days, 'default');
    await pool.book(24, 48);
    await days.pass('1445m');
    const other = () => pool.book(25, 48);
    expect(await refusedWith('NoSlot', other())).toEqual({ nextFree: hour(48) });
    await days.pass('6m');
    expect(await other()).toMatchObject({ state: 'booked' });
  });

  it('S1 I4 in a rollout keeps its lease, and so does the approval that comes after it', async (context) => {
    const days = skipping(context);
    const gate = { ...definition.gate, approval: { required: 1 } };
    const shadow = { duration: '24h', minRequests: 10, checks: CHECKS };
    const tag = await tagOf(days, { gate, shadow });
    showCopies(days, tag, 100);
    const run = await startRollout(days, tag.tag, { version: 2 });
    const held = async (): Promise<unknown> => (await tag.status()).rollout;
    await inStage(run, 'shadow');
    await days.pass('23h');
    expect(await held()).toMatchObject({ workflowId: run.workflowId, waitingFor: 'shadow' });
    await days.pass('2h');
    expect(mirror(days, tag)).toBeUndefined();
    await days.pass('48h');
    expect(await held()).toMatchObject({ workflowId: run.workflowId, waitingFor: 'approval' });
    const { subject } = (await tag.handle.query<{ subject: object } | null>('approval')) ?? {};
    await tag.send('approve', { subject }, { actor: 'bob', reason: 'fine' });
    expect(await run.result()).toMatchObject({
      outcome: 'promoted',
      shadow: { verdict: 'passed' },
    });
    expect(live(days, tag)).toBe(`${tag.tag}/2`);
  });
});
