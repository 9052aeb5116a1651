import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BusyError,
  InvalidRequestError,
  NoSlotError,
  Platform,
  QuarantinedError,
  UnknownModelError,
  type ShadowHandle,
  type ShadowOptions,
} from '../../sdk/index.js';
import { model } from '../workflows/policy/tag/tags.js';
import { startRollout } from '../workflows/support/runs.js';
import { TagOnServer } from '../workflows/support/tag.js';
import { startWorld, unique, until, type World } from '../workflows/support/world.js';

let world: World;
let platform: Platform;
beforeAll(async () => {
  world = await startWorld();
  const { address, taskQueue } = world;
  platform = await Platform.connect({ temporal: { address }, taskQueue, actor: 'ada' });
}, 600_000);
afterAll(async () => {
  await platform.close();
  await world[Symbol.asyncDispose]();
});

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const inMs = (ms: number): Date => new Date(Date.now() + ms);
const checks = [{ metric: 'disagreement_rate', max: 0.05 }];

async function tagWithTraffic(live = true): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  if (live) await (await startRollout(world, tag.tag, { version: 1 })).result();
  world.predictions.show(tag.tag, {
    ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1`, answered: 100, failed: 0 },
  });
  return tag;
}

async function poolOf(slots: number): Promise<string> {
  const name = unique('pool').slice(0, 30);
  await platform.shadowPools.apply({ name, slots });
  return name;
}

const shadowed = (tag: TagOnServer, over: Partial<ShadowOptions> = {}): Promise<ShadowHandle> =>
  platform.shadow(tag.tag, 2, { reason: 'compare', minRequests: 10, checks, ...over });

const open = (run: ShadowHandle): Promise<unknown> =>
  until(
    () => run.status(),
    ({ stage, waitingFor }) => stage === 'window' && waitingFor?.what === 'window',
  );

const runsOf = async (tag: TagOnServer): Promise<string[]> => {
  const ids: string[] = [];
  for await (const { workflowId } of platform.runs.list({ kind: 'shadow', tag: tag.tag }))
    ids.push(workflowId);
  return ids;
};

describe('platform.shadow', () => {
  it('S1 answers with a report, whose instants are dates, and is found by its id', async () => {
    const tag = await tagWithTraffic();
    const run = await shadowed(tag, { pool: await poolOf(1), duration: '5s' });
    await open(run);
    expect((await platform.status(tag.tag)).shadow).toMatchObject({ workflowId: run.workflowId });
    const report = await ((await platform.runs.get(run.workflowId)) as ShadowHandle).result();
    expect(report).toMatchObject({
      ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1`, verdict: 'passed' },
      window: { from: expect.any(Date) as Date, until: expect.any(Date) as Date },
      routeRestored: true,
    });
    await until(
      () => runsOf(tag),
      (ids) => ids.includes(run.workflowId),
    );
  });

  it('S1 has its end moved, and is ended, by whoever holds it', async () => {
    const tag = await tagWithTraffic();
    const run = await shadowed(tag, { pool: await poolOf(1), duration: '1h' });
    await open(run);
    const end = inMs(3 * HOUR);
    expect(await run.extend({ until: end })).toEqual({ until: end });
    await expect(run.extend({ until: inMs(-HOUR) })).rejects.toThrow(InvalidRequestError);
    await expect(run.extend({ until: inMs(31 * DAY) })).rejects.toThrow(InvalidRequestError);
    await run.end({ reason: 'seen enough' });
    expect(await run.result()).toMatchObject({ verdict: 'passed' });
    await run.end({ reason: 'once more' });
    await expect(run.extend({ until: inMs(HOUR) })).rejects.toThrow(InvalidRequestError);
    const [last] = await platform.ledger(tag.tag, { limit: 1 });
    expect(last).toMatchObject({ action: 'shadow-end', actor: 'ada', reason: 'seen enough' });
  });

  it('S1 is refused without room, with the next free instant, before anything is started', async () => {
    const pool = await poolOf(1);
    const [tag, other] = [await tagWithTraffic(), await tagWithTraffic()];
    const run = await shadowed(tag, { pool, duration: '1h' });
    await open(run);
    const refused = await shadowed(other, { pool }).catch((said: unknown) => said);
    expect(refused).toBeInstanceOf(NoSlotError);
    expect((refused as NoSlotError).nextFree.getTime()).toBeGreaterThan(Date.now() + HOUR / 2);
    await run.cancel('enough');
    expect(await runsOf(other)).toEqual([]);
  });

  it('S1 takes the slot that was booked for its version', async () => {
    const pool = await poolOf(1);
    const tag = await tagWithTraffic();
    const [from, end] = [inMs(HOUR), inMs(2 * HOUR)];
    const booking = { tag: tag.tag, version: 2, from, until: end };
    const { bookingId } = await platform.shadowPools.book(pool, booking);
    const run = await shadowed(tag, { pool, from, until: end });
    await until(
      () => run.status(),
      ({ waitingFor }) => waitingFor?.what === 'slot',
    );
    expect(await run.status()).toMatchObject({ waitingFor: { until: from } });
    const [found] = await platform.shadowPools.calendar(pool, { from, until: end });
    expect(found).toMatchObject({ bookingId, workflowId: run.workflowId });
    await run.cancel('not now');
    const [freed] = await platform.shadowPools.calendar(pool, { from, until: end });
    expect(freed).toMatchObject({ bookingId, state: 'cancelled' });
    const named = await platform.shadowPools.book(pool, booking);
    const again = await shadowed(tag, { pool, bookingId: named.bookingId });
    await until(
      () => again.status(),
      ({ waitingFor }) => waitingFor?.until?.getTime() === from.getTime(),
    );
    await again.cancel('not now');
  });

  it('is one run for one idempotency key', async () => {
    const tag = await tagWithTraffic();
    const options = { pool: await poolOf(2), duration: '1h', idempotencyKey: 'night' };
    const first = await shadowed(tag, options);
    const second = await shadowed(tag, options);
    expect(second.workflowId).toBe(first.workflowId);
    await first.cancel('enough');
  });

  it.each([
    ['in the past', { from: inMs(-2 * HOUR), until: inMs(-HOUR) }, 'options.until'],
    ['over before it begins', { from: inMs(2 * HOUR), until: inMs(HOUR) }, 'options.until'],
    ['longer than 30 days', { until: inMs(31 * DAY) }, 'options.until'],
    ['for longer than 30 days', { duration: '31d' }, 'options.duration'],
    ['of no length', { duration: '0s' }, 'options.duration'],
    ['with two ends', { until: inMs(HOUR), duration: '1h' }, 'options.duration'],
    ['of no request', { samplingPercent: 0 }, 'options.samplingPercent'],
    ['of more than all', { samplingPercent: 101 }, 'options.samplingPercent'],
    ['by an unknown metric', { checks: [{ metric: 'auc', max: 1 }] }, 'options.checks[0].metric'],
    ['in an unknown pool', { pool: 'nobody-has-it' }, 'pool'],
  ] as const)('is refused %s', async (_, options, path) => {
    const tag = await tagWithTraffic();
    const said = await shadowed(tag, options as Partial<ShadowOptions>).catch((e: unknown) => e);
    expect(said).toBeInstanceOf(InvalidRequestError);
    expect((said as InvalidRequestError).issues.map((issue) => issue.path)).toEqual([path]);
    expect(await runsOf(tag)).toEqual([]);
  });

  it('is refused for a model that cannot be compared', async () => {
    const tag = await tagWithTraffic();
    const options = { reason: 'compare', checks };
    const refused = (version: number, of = tag): Promise<unknown> =>
      platform.shadow(of.tag, version, options).catch((error: unknown) => error);
    expect(await refused(1)).toBeInstanceOf(InvalidRequestError);
    expect(await refused(9)).toBeInstanceOf(UnknownModelError);
    await tag.quarantine(3);
    expect(await refused(3)).toBeInstanceOf(QuarantinedError);
    expect(await refused(2, await tagWithTraffic(false))).toBeInstanceOf(InvalidRequestError);
    const { checks: _, ...unjudged } = options;
    await expect(platform.shadow(tag.tag, 2, unjudged)).rejects.toThrow(/shadow\.checks/);
  });

  it('is refused where the tag is shadowed already, also while it is frozen', async () => {
    const tag = await tagWithTraffic();
    await platform.freeze(tag.tag, { reason: 'year end' });
    const pool = await poolOf(2);
    const run = await shadowed(tag, { pool, duration: '1h' });
    await open(run);
    const busy = await platform
      .shadow(tag.tag, 3, { reason: 'compare', checks, pool })
      .catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(BusyError);
    expect((busy as BusyError).workflowId).toBe(run.workflowId);
    await run.cancel('enough');
    expect(world.routing.at(tag.tag).route.mirror).toBeUndefined();
  });
});
