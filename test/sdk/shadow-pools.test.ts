import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../sdk/cli/program.js';
import {
  BusyError,
  InvalidRequestError,
  NoSlotError,
  Platform,
  QuarantinedError,
  UnknownModelError,
  UnknownTagError,
  type ShadowPoolStatus,
} from '../../sdk/index.js';
import { poolWorkflowId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { pack } from '../../workflows/policy/pool/packed.js';
import { emptyPool } from '../../workflows/policy/pool/state.js';
import { createPoolActivities } from '../../activities/pools/activities.js';
import { asked, model } from '../workflows/policy/tag/tags.js';
import { startWorld, unique, until, type World } from '../workflows/support/world.js';
import { imageDefinition } from './fixtures/definition.js';

const HOUR_MS = 3_600_000;

let world: World;
let platform: Platform;
beforeAll(async () => {
  world = await startWorld();
  const { address, taskQueue } = world;
  platform = await Platform.connect({ temporal: { address }, taskQueue, actor: 'pat' });
}, 600_000);
afterAll(async () => {
  await platform.close();
  await world[Symbol.asyncDispose]();
});

const inHours = (count: number): Date => new Date(Date.now() + count * HOUR_MS);

async function tagOf(tier?: 'critical' | 'experimental'): Promise<string> {
  const tag = unique('tag');
  await platform.models.apply(imageDefinition(tag, tier ? { tier } : {}));
  for (const version of [1, 2]) world.registry.add(tag, model(version));
  return tag;
}

async function poolOf(slots: number, tiers?: ('critical' | 'standard')[]): Promise<string> {
  const name = unique('pool');
  await platform.shadowPools.apply({ name, slots, ...(tiers && { tiers }) });
  return name;
}

async function listedPools(): Promise<ShadowPoolStatus[]> {
  const all: ShadowPoolStatus[] = [];
  for await (const pool of platform.shadowPools.list()) all.push(pool);
  return all;
}

const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const pathsOf = (error: unknown): string[] =>
  error instanceof InvalidRequestError ? error.issues.map(({ path }) => path) : [String(error)];

describe('platform.shadowPools', () => {
  it('S1 books a window, and refuses another one in it with the next free instant, as a Date', async () => {
    const [pool, tag] = [await poolOf(1), await tagOf()];
    const window = { from: inHours(1), until: inHours(2) };
    const { bookingId } = await platform.shadowPools.book(pool, { tag, version: 2, ...window });
    expect(bookingId).toBe(`${pool}-1`);
    const again = await thrownBy(platform.shadowPools.book(pool, { tag, version: 2, ...window }));
    expect(again).toBeInstanceOf(NoSlotError);
    expect((again as NoSlotError).nextFree).toEqual(window.until);

    const range = { from: inHours(0), until: inHours(24) };
    const booked = {
      ...{ bookingId, tag, version: 2, ...window, state: 'booked', bookedBy: 'pat' },
      ...{ workflowId: null, reason: null },
    };
    expect(await platform.shadowPools.calendar(pool, range)).toEqual([booked]);
    const before = { from: inHours(-2), until: window.from };
    expect(await platform.shadowPools.calendar(pool, before)).toEqual([]);
  });

  it('S1 cancels a booking, once and again, and its time is free', async () => {
    const [pool, tag] = [await poolOf(1), await tagOf()];
    const booking = { tag, version: 1, from: inHours(1), until: inHours(2) };
    const { bookingId } = await platform.shadowPools.book(pool, booking);
    await platform.shadowPools.cancel(pool, bookingId);
    await platform.shadowPools.cancel(pool, bookingId);
    expect(await platform.shadowPools.book(pool, booking)).toEqual({ bookingId: `${pool}-2` });
    const range = { from: inHours(0), until: inHours(24) };
    expect(await platform.shadowPools.calendar(pool, range)).toMatchObject([
      { bookingId, state: 'cancelled', reason: 'cancelled by pat: booking cancelled' },
      { state: 'booked' },
    ]);
    const unknown = await thrownBy(platform.shadowPools.cancel(pool, 'nothing-1'));
    expect(pathsOf(unknown)).toEqual(['bookingId']);
  });

  it('S1 leaves a booking to the run that uses it, until that run is gone', async () => {
    const [pool, tag] = [await poolOf(1), await tagOf()];
    const workflowId = `shadow/${tag}/2/k`;
    // Any workflow may stand for the run: whether it is open is all that is asked of it.
    const run = await world.client.workflow.start('read', {
      ...{ workflowId, taskQueue: 'nobody-works-here', args: [] },
    });
    const slot = { from: inHours(0).toISOString(), until: inHours(2).toISOString() };
    const { bookingId } = await createPoolActivities(world).bookSlot(pool, {
      ...{ asked: asked(workflowId), tag, version: 2, tier: 'standard', slot, fit: 'exact' },
      workflowId,
    });
    const refused = await thrownBy(platform.shadowPools.cancel(pool, bookingId));
    expect(refused).toBeInstanceOf(BusyError);
    expect(refused).toMatchObject({ workflowId });
    await run.terminate();
    await platform.shadowPools.cancel(pool, bookingId);
    const range = { from: inHours(-1), until: inHours(24) };
    expect(await platform.shadowPools.calendar(pool, range)).toMatchObject([
      { state: 'cancelled' },
    ]);
  });

  it('refuses what is no tag, no version, quarantined, of another tier or in no pool, before anything is booked', async () => {
    const [pool, tag, sketch] = [
      await poolOf(1, ['critical', 'standard']),
      await tagOf(),
      await tagOf('experimental'),
    ];
    const window = { from: inHours(1), until: inHours(2) };
    const book = (over: { tag?: string; version?: number }, of = pool) =>
      thrownBy(platform.shadowPools.book(of, { tag, version: 1, ...window, ...over }));
    expect(await book({ tag: 'never-defined' })).toBeInstanceOf(UnknownTagError);
    expect(await book({ version: 9 })).toBeInstanceOf(UnknownModelError);
    await platform.quarantine(tag, 2, { reason: 'it drifts' });
    expect(await book({ version: 2 })).toBeInstanceOf(QuarantinedError);
    expect(pathsOf(await book({ tag: sketch }))).toEqual(['pool']);
    expect(pathsOf(await book({}, unique('typo')))).toEqual(['pool']);
    const range = { from: inHours(0), until: inHours(24) };
    expect(await platform.shadowPools.calendar(pool, range)).toEqual([]);
    expect(await book({})).toBeUndefined();
  });

  it('refuses a window that is past, and a pool smaller than what is booked', async () => {
    const [pool, tag] = [await poolOf(2), await tagOf()];
    const book = (from: number, end: number) =>
      platform.shadowPools.book(pool, {
        ...{ tag, version: 1, from: inHours(from), until: inHours(end) },
      });
    expect(pathsOf(await thrownBy(book(-2, -1)))).toEqual(['from', 'until']);
    await book(1, 3);
    await book(2, 4);
    const shrunk = await thrownBy(platform.shadowPools.apply({ name: pool, slots: 1 }));
    expect(pathsOf(shrunk)).toEqual(['slots']);
  });

  it('names every argument that is wrong, and asks nothing', async () => {
    const from = inHours(1);
    const book = (booking: object, pool = 'default') =>
      thrownBy(platform.shadowPools.book(pool, booking as never));
    expect(pathsOf(await book({ tag: 'A', version: 0, from: 'now' }, 'No Pool'))).toEqual([
      ...['pool', 'booking.tag', 'booking.version', 'booking.from', 'booking.until'],
    ]);
    const of = { tag: 'a', version: 1, from };
    expect(pathsOf(await book({ ...of, until: from }))).toEqual(['booking.until']);
    const tooLong = new Date(from.getTime() + 30 * 24 * HOUR_MS + 1);
    expect(pathsOf(await book({ ...of, until: tooLong }))).toEqual(['booking.until']);
    const applied = platform.shadowPools.apply({ name: 'x', slots: 0, tiers: [] });
    expect(pathsOf(await thrownBy(applied))).toEqual(['pool.slots', 'pool.tiers']);
    const calendar = platform.shadowPools.calendar('x', { from, until: from });
    expect(pathsOf(await thrownBy(calendar))).toEqual(['range.until']);
    expect(pathsOf(await thrownBy(platform.shadowPools.cancel('x', '')))).toEqual(['bookingId']);
  });

  it('has a default pool that nobody applied, and no other', async () => {
    const range = { from: inHours(0), until: inHours(1) };
    expect(await platform.shadowPools.calendar('default', range)).toEqual([]);
    const unknown = await thrownBy(platform.shadowPools.calendar(unique('typo'), range));
    expect(pathsOf(unknown)).toEqual(['pool']);
  });

  it('S5 holds ten thousand bookings through a continue-as-new, and a calendar shows each of them once', async () => {
    const [name, tag] = [unique('pool'), await tagOf()];
    const [start, length] = [inHours(1).getTime(), 60_000];
    const bookings = Array.from({ length: 9_999 }, (_, index) => ({
      ...{ number: index + 1, tag, version: 1, bookedBy: 'pat', workflowId: null, ended: null },
      ...{ from: start + index * length, until: start + (index + 1) * length },
    }));
    const state = { ...emptyPool(name), pool: { name, slots: 1 }, booked: 9_999, bookings };
    const { workflowId } = await world.client.workflow.start(WORKFLOWS.pool, {
      ...{ workflowId: poolWorkflowId(name), taskQueue: world.taskQueue },
      args: [{ name, state: pack(state), commandsPerPage: 1 }],
    });
    const pages = world.client.workflow.getHandle(workflowId);
    const { runId } = await pages.describe();
    const end = new Date(start + 9_999 * length);
    const last = { tag, version: 1, from: end, until: new Date(end.getTime() + length) };
    await platform.shadowPools.book(name, last);
    await until(
      () => pages.describe(),
      (now) => now.runId !== runId,
    );
    const all = await platform.shadowPools.calendar(name, { from: inHours(0), until: last.until });
    expect(all.map(({ bookingId }) => bookingId)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => `${name}-${String(index + 1)}`),
    );
    const more = platform.shadowPools.book(name, {
      ...last,
      from: last.until,
      until: inHours(500),
    });
    expect(pathsOf(await thrownBy(more))).toEqual(['pool']);
  }, 60_000);

  it('lists the pools there are, with what is booked of them', async () => {
    const [pool, tag] = [await poolOf(3, ['standard']), await tagOf()];
    await platform.shadowPools.book(pool, {
      ...{ tag, version: 1, from: inHours(1), until: inHours(2) },
    });
    const listed = await until(listedPools, (all) => all.some(({ name }) => name === pool));
    expect(listed).toContainEqual({ name: pool, slots: 3, tiers: ['standard'], active: 1 });
  });
});

describe('modelyard pools', () => {
  beforeAll(() => {
    vi.stubEnv('TEMPORAL_ADDRESS', world.address);
    vi.stubEnv('MODELYARD_TASK_QUEUE', world.taskQueue);
    vi.stubEnv('MODELYARD_ACTOR', 'alice');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  /** What a command line printed, and how it ended. */
  async function modelyard(...args: string[]): Promise<{ code: number; said: string }> {
    let said = '';
    const hear = (text: unknown): boolean => {
      said += String(text);
      return true;
    };
    const streams = [process.stdout, process.stderr];
    const spies = streams.map((stream) => vi.spyOn(stream, 'write').mockImplementation(hear));
    try {
      const code = await runCommandLine(['node', 'modelyard', ...args], hear);
      return { code, said };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  }

  it('S1 applies a pool, books and cancels in it, and prints its calendar and who is next', async () => {
    const [pool, tag] = [unique('pool'), await tagOf()];
    expect(await modelyard('pools', 'apply', pool, '--slots', '1')).toEqual({
      ...{ code: 0, said: `${pool}: applied\n` },
    });
    const [from, end] = [inHours(1), inHours(2)];
    const window = ['--from', from.toISOString(), '--until', end.toISOString()];
    const booked = await modelyard('pools', 'book', pool, tag, '2', ...window);
    expect(booked).toEqual({ code: 0, said: `${pool}-1\n` });

    const full = await modelyard('pools', 'book', pool, tag, '2', ...window);
    expect(full).toMatchObject({ code: 1 });
    expect(full.said).toMatch(/^NoSlotError: .* next free at /);
    const told = await modelyard('--json', 'pools', 'book', pool, tag, '2', ...window);
    expect(JSON.parse(told.said)).toMatchObject({
      error: { code: 'NoSlot', nextFree: end.toISOString() },
    });

    const calendar = (await modelyard('pools', 'calendar', pool, ...window)).said;
    expect(calendar).toMatch(new RegExp(`${pool}-1 +${tag}/2 +.*Z +.*Z +booked +alice`));
    expect(await modelyard('pools', 'cancel', pool, `${pool}-1`)).toEqual({
      ...{ code: 0, said: `${pool}-1: freed\n` },
    });
    const listed = await until(
      async () => (await modelyard('pools')).said,
      (text) => text.includes(pool),
    );
    expect(listed).toMatch(new RegExp(`${pool} +1 +every tier +0`));
  });

  it('refuses a command line that is wrong with its own exit code', async () => {
    const slots = await modelyard('pools', 'apply', 'x', '--slots', 'many');
    expect(slots).toMatchObject({ code: 2, said: expect.stringContaining('many') as string });
    const window = ['--from', '2026-12-01', '--until', '2026-12-02'];
    const version = await modelyard('pools', 'book', 'x', 'tag', 'two', ...window);
    expect(version).toMatchObject({ code: 2, said: expect.stringContaining('two') as string });
  });
});
