import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPoolActivities } from '../../activities/pools/activities.js';
import { Booking } from '../../temporal/contracts/pool.js';
import { isFailure } from '../../temporal/errors.js';
import { refusedWith } from '../../testing/refusals.js';
import { asked } from './policy/tag/tags.js';
import { beginNow, hour, PoolOnServer } from './support/pool.js';
import { startWorker, startWorld, unique, until, type World } from './support/world.js';

let world: World;
let worker: AsyncDisposable;
beforeAll(async () => {
  world = await startWorld({ worker: false });
  worker = await startWorker(world.address, world);
}, 600_000);
beforeEach(beginNow);
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function poolOf(slots: number, commandsPerPage?: number): Promise<PoolOnServer> {
  const pool = new PoolOnServer(world, unique('pool'), commandsPerPage);
  await pool.apply({ slots });
  return pool;
}

/** Every request at once; what was granted, and of what was refused the details. */
async function allAtOnce(requests: (() => Promise<Booking>)[]) {
  const settled = await Promise.allSettled(requests.map((request) => request()));
  const granted = settled.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const refused = settled
    .filter((one) => one.status === 'rejected')
    .map(({ reason }) => reason as Error);
  return { granted, refused };
}

const idsOf = (bookings: Booking[]): string[] => bookings.map(({ bookingId }) => bookingId).sort();

describe('a slot pool', () => {
  it('S1 gives a window to one, and tells the next when it is free; the refusal leaves no trace', async () => {
    const pool = await poolOf(1);
    const booked = await pool.book(1, 2);
    expect(Booking.parse(booked)).toMatchObject({
      ...{ bookingId: `${pool.name}-1`, state: 'booked', bookedBy: 'olga' },
      ...{ from: hour(1), until: hour(2) },
    });
    const { historyLength } = await pool.handle.describe();
    expect(await refusedWith('NoSlot', pool.book(1.5, 1.75))).toEqual({ nextFree: hour(2) });
    await refusedWith('InvalidRequest', pool.book(2, 1));
    expect((await pool.handle.describe()).historyLength).toBe(historyLength);
    expect(await pool.calendar()).toEqual([booked]);
  });

  it('S1 grants one window to as many of fifty at once as it has slots, and to no more', async () => {
    const pool = await poolOf(3);
    const requests = Array.from({ length: 50 }, () => () => pool.book(1, 2));
    const { granted, refused } = await allAtOnce(requests);
    expect(refused).toHaveLength(47);
    expect(refused.every((error) => isFailure(error, 'NoSlot'))).toBe(true);
    expect(idsOf(granted)).toEqual([1, 2, 3].map((number) => `${pool.name}-${String(number)}`));
    expect(idsOf(await pool.calendar())).toEqual(idsOf(granted));
  }, 120_000);

  it('S1 queues those who take the next window one after the other, without a gap or an overlap', async () => {
    const pool = await poolOf(1);
    const requests = Array.from({ length: 12 }, () => () => pool.book(1, 2, { fit: 'next' }));
    const { granted } = await allAtOnce(requests);
    const expected = Array.from({ length: 12 }, (_, index) => [hour(1 + index), hour(2 + index)]);
    expect(granted.map(({ from, until: end }) => [from, end]).sort()).toEqual(expected);
  }, 120_000);

  it('S1 frees what nobody came for, though it has not been asked anything since', async () => {
    const pool = await poolOf(1);
    await pool.book(0, 4);
    expect(await pool.status()).toMatchObject({ active: 1 });
    expect(await pool.status(0.2)).toMatchObject({ active: 0 });
    expect(await pool.calendar(0.2)).toMatchObject([
      { state: 'cancelled', reason: expect.stringContaining('no-show') as string },
    ]);
  });

  it('is unknown until it is applied, save the default one, and a wrong name leaves nothing that lives on', async () => {
    const pool = new PoolOnServer(world, unique('typo'));
    const { issues } = await refusedWith('InvalidRequest', pool.book(1, 2));
    expect(issues).toMatchObject([{ path: 'pool' }]);
    await until(
      () => pool.handle.describe(),
      ({ status }) => status.name === 'COMPLETED',
    );
    expect(await pool.status()).toEqual({ pool: null, active: 0 });
    await pool.apply();
    expect(await pool.book(1, 2)).toMatchObject({ state: 'booked' });

    const byDefault = new PoolOnServer(world, 'default');
    expect(await byDefault.book(1, 2)).toMatchObject({ bookingId: 'default-1' });
    await refusedWith('NoSlot', byDefault.book(1, 2));
  }, 60_000);

  it('shows its capacity and who is next in the Web UI (U3)', async () => {
    const pool = await poolOf(2);
    await pool.book(1, 2);
    const { currentDetails } = await pool.handle.query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    expect(currentDetails).toContain('| slots\u2003 | 2 |');
    expect(currentDetails).toMatch(/`churn\/3`\u2003 \| booked\u2003 \| olga \|/);
  });
});

describe('what is asked of a pool', () => {
  it('S5 gets the same answer under the same key and has its effect once, and another request under it is refused', async () => {
    const pool = await poolOf(2, 2);
    const key = unique('key');
    const first = await pool.book(1, 2, {}, { key });
    const runId = await pool.runId();
    for (const from of [3, 4, 5]) await pool.book(from, from + 1);
    expect(await pool.runId()).not.toBe(runId);
    expect(await pool.book(1, 2, {}, { key })).toEqual(first);
    expect(await refusedWith('IdempotencyConflict', pool.book(1, 3, {}, { key }))).toEqual({
      idempotencyKey: key,
    });
    expect(await pool.calendar()).toHaveLength(4);
  });

  it('S5 loses and doubles no booking while it continues as new under load, and replays', async () => {
    const pool = await poolOf(4, 5);
    const wanted = Array.from({ length: 40 }, (_, index) => ({
      key: unique('key'),
      at: index % 20,
    }));
    const lanes = Array.from({ length: 8 }, async () => {
      const granted: Booking[] = [];
      for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
        const { at, key } = next;
        const ask = () => patiently(() => pool.book(1 + at, 2 + at, {}, { key }));
        const [once, again] = await Promise.all([ask(), ask()]);
        expect(again).toEqual(once);
        granted.push(once);
      }
      return granted;
    });
    const granted = (await Promise.all(lanes)).flat();
    const expected = Array.from({ length: 40 }, (_, index) => `${pool.name}-${String(index + 1)}`);
    expect(idsOf(granted)).toEqual(expected.sort());
    expect(idsOf(await pool.calendar())).toEqual(expected);
    const runs = await runsOf(pool);
    expect(runs.length).toBeGreaterThan(4);
    expect(await firstReplayError(pool, runs)).toBeUndefined();
  }, 180_000);

  it('S1 is answered by the next worker when there is none, and what was booked is still booked', async () => {
    const pool = await poolOf(1);
    const booked = await pool.book(1, 2);
    await worker[Symbol.asyncDispose]();
    const waiting = pool.book(2, 3);
    worker = await startWorker(world.address, world);
    const second = await waiting;
    expect(await pool.calendar()).toEqual([booked, second]);
    await refusedWith('NoSlot', pool.book(1.5, 2.5));
  }, 120_000);
});

describe('the activities of a run', () => {
  const bookOf = (from: number, until: number, workflowId: string) => ({
    ...{ asked: asked(workflowId), tag: 'churn', version: 3, workflowId },
    ...({
      tier: 'standard',
      fit: 'exact',
      slot: { from: hour(from), until: hour(until) },
    } as const),
  });

  it('S1 book a slot, take it, lengthen it and free it, and say a refusal as the pool said it', async () => {
    const pool = await poolOf(1);
    const slots = createPoolActivities(world);
    const command = bookOf(0, 1, 'shadow/a');
    const booked = await slots.bookSlot(pool.name, command);
    expect(booked).toMatchObject({ state: 'running', workflowId: 'shadow/a' });
    expect(await slots.bookSlot(pool.name, command)).toEqual(booked);
    const { bookingId } = booked;

    const refused = slots.bookSlot(pool.name, bookOf(0.5, 2, 'shadow/b'));
    await expect(refused).rejects.toMatchObject({
      ...{ type: 'NoSlot', nonRetryable: true },
      details: [{ nextFree: hour(1) }],
    });
    const taken = { ...booked, asked: asked('shadow/b'), workflowId: 'shadow/b' };
    await refusedWith('Busy', slots.takeBooking(pool.name, taken));
    expect(
      await slots.extendBooking(pool.name, { asked: asked('shadow/a'), bookingId, until: hour(2) }),
    ).toMatchObject({ until: hour(2) });
    expect(
      await slots.freeBooking(pool.name, { asked: asked('shadow/a'), bookingId, as: 'done' }),
    ).toMatchObject({ state: 'done' });
    expect(await slots.bookSlot(pool.name, bookOf(1, 2, 'shadow/b'))).toMatchObject({
      state: 'booked',
    });
  });

  it('S1 take what a team has booked ahead', async () => {
    const pool = await poolOf(1);
    const { bookingId } = await pool.book(0, 1);
    const take = { asked: asked(), bookingId, tag: 'churn', version: 3, workflowId: 'shadow/a' };
    expect(await createPoolActivities(world).takeBooking(pool.name, take)).toMatchObject({
      state: 'running',
      workflowId: 'shadow/a',
    });
    expect(await pool.status(0.5)).toMatchObject({ active: 1 });
  });
});

/** As the SDK asks: the same again when the pool's page ended under the request. */
async function patiently(ask: () => Promise<Booking>): Promise<Booking> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!/AcceptedUpdateCompletedWorkflow|workflow execution already completed/.test(said(error)))
        throw error;
    }
  }
}

const said = (error: unknown): string =>
  error instanceof Error ? `${(error as { type?: string }).type ?? ''} ${error.message}` : '';

async function runsOf({ workflowId }: PoolOnServer): Promise<string[]> {
  const runs: string[] = [];
  const query = `WorkflowId = '${workflowId}'`;
  for await (const { runId } of world.client.workflow.list({ query })) runs.push(runId);
  return runs;
}

async function firstReplayError(pool: PoolOnServer, runs: string[]): Promise<unknown> {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  async function* histories() {
    for (const runId of runs) {
      const { workflowId } = pool;
      const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
      yield { workflowId, history };
    }
  }
  for await (const { error } of Worker.runReplayHistories({ workflowBundle }, histories()))
    if (error) return error;
  return undefined;
}
