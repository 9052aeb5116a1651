import { Client, Connection } from '@temporalio/client';
import { InvalidDefinitionError, InvalidRequestError, type ScheduleStatus } from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobsOf, servedBy } from './support/effects.js';
import { runsOf, versionsOf } from './support/left-behind.js';
import { connected, definitionOf, newTag, type Connected } from './support/platform.js';

let on: Connected;
let client: Client;
beforeAll(async () => {
  on = await connected();
  client = new Client({ connection: await Connection.connect(on.stack.temporal) });
});
afterAll(async () => {
  await client.connection.close();
  await on.platform.close();
});

const EVENTUALLY = { timeout: 120_000, interval: 250 };
const NIGHTLY = { cron: '30 3 * * *', timezone: 'Europe/Berlin' };
/** Far from any night the tests run in, so that a schedule starts only what a test asks of it. */
const NEVER = { cron: '0 0 29 2 *' };
const EVERY_MINUTE = { cron: '* * * * *' };

async function scheduleOf(tag: string): Promise<ScheduleStatus | null> {
  for await (const status of on.platform.schedules.list()) if (status.tag === tag) return status;
  return null;
}

/** What Temporal would start, and with what. */
const actionOf = async (tag: string) =>
  (await client.schedule.getHandle(`tag/${tag}`).describe()).action;

async function statusOf(workflowId: string): Promise<string> {
  const execution = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch(() => null);
  return execution?.status.name ?? 'none';
}

describe('a schedule in a definition', () => {
  it('C3 S11 I12 retrains every slot at its nominal time, which is its data cut-off; a slot that is due while one runs is skipped and counted', async () => {
    const [quick, slow] = [newTag('minutely'), newTag('overlapping')];
    await on.platform.models.apply(definitionOf(quick, { schedule: EVERY_MINUTE }));
    const hanging = { params: { behave: 'hang' }, schedule: EVERY_MINUTE };
    await on.platform.models.apply(definitionOf(slow, hanging));

    await expect
      .poll(async () => (await scheduleOf(quick))?.recent ?? [], EVENTUALLY)
      .not.toEqual([]);
    const slot = (await scheduleOf(quick))?.recent[0];
    const nominal = slot?.scheduledAt.toISOString().replace('.000Z', 'Z') ?? '';
    expect(slot?.workflowId).toBe(`retrain/${quick}/slot-${nominal}`);
    expect(nominal).toMatch(/:00Z$/);
    const run = await on.platform.runs.get(slot?.workflowId ?? '');
    expect(await run.result()).toMatchObject({
      decision: 'promoted',
      dataCutoff: slot?.scheduledAt,
    });
    expect((await servedBy(on, quick)).live).toBe(`${quick}/1`);
    await on.platform.schedules.delete(`tag/${quick}`);

    await expect
      .poll(async () => (await scheduleOf(slow))?.skipped ?? 0, EVENTUALLY)
      .toBeGreaterThan(0);
    const status = await scheduleOf(slow);
    expect(status).toMatchObject({ missed: 0, recent: [expect.anything()] });
    await on.platform.schedules.delete(`tag/${slow}`);
    const stuck = await on.platform.runs.get(status?.recent[0]?.workflowId ?? '');
    await stuck.cancel('it would sleep for an hour');
    expect(await jobsOf(stuck.workflowId)).toMatchObject([{ step: 'train', ending: 'cancelled' }]);
  });

  it('U5 fires at the wall time of its zone on both sides of the change to summer time', async () => {
    const tag = newTag('berlin');
    await on.platform.models.apply(definitionOf(tag, { schedule: NIGHTLY }));
    const schedule = await scheduleOf(tag);
    const wall = new Intl.DateTimeFormat('de-DE', {
      timeZone: 'Europe/Berlin',
      timeStyle: 'medium',
    });
    expect(schedule?.next.length).toBeGreaterThan(5);
    expect(new Set(schedule?.next.map((at) => wall.format(at)))).toEqual(new Set(['03:30:00']));
    expect((await on.platform.status(tag)).nextRetrain).toEqual(schedule?.next[0]);

    // 30 March 2014, 02:00 to 03:00, is not in Berlin's year; its 03:30 is an hour earlier than the day before's.
    const range = {
      from: new Date('2014-03-29T00:00:00Z'),
      until: new Date('2014-03-31T00:00:00Z'),
    };
    await on.platform.schedules.pause(`tag/${tag}`, { reason: 'only the backfill' });
    await on.platform.schedules.backfill(`tag/${tag}`, range);
    const slots = ['2014-03-29T02:30:00Z', '2014-03-30T01:30:00Z'];
    for (const slot of slots) {
      const id = `retrain/${tag}/slot-${slot}`;
      await expect.poll(() => statusOf(id), EVENTUALLY).toBe('COMPLETED');
      expect(await (await on.platform.runs.get(id)).result()).toMatchObject({
        dataCutoff: new Date(slot),
      });
    }
  });

  it('F9 is refused with the reason when it names no times, and nothing is changed', async () => {
    const tag = newTag('invalid');
    await on.platform.models.apply(definitionOf(tag, { schedule: NIGHTLY }));
    const before = await on.platform.ledgerHead(tag);
    const wrong = { cron: '0 25 * * *' };
    const refused = on.platform.schedules.apply(tag, wrong);
    await expect(refused).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(refused).rejects.toThrow(/hour .*0 to 23.*"25"/);
    const defined = on.platform.models.apply(definitionOf(tag, { schedule: wrong }));
    await expect(defined).rejects.toBeInstanceOf(InvalidDefinitionError);
    await expect(defined).rejects.toMatchObject({ issues: [{ path: 'schedule.cron' }] });
    const elsewhere = { ...NIGHTLY, timezone: 'Europe/Atlantis' };
    await expect(on.platform.schedules.apply(tag, elsewhere)).rejects.toThrow(/Europe\/Atlantis/);
    expect((await on.platform.models.get(tag)).schedule).toEqual(NIGHTLY);
    expect((await scheduleOf(tag))?.spec).toEqual(NIGHTLY);
    expect(await on.platform.ledgerHead(tag)).toEqual(before);
  });

  it('U5 is changed by a new definition, which changes nothing else of it, and goes with delete', async () => {
    const tag = newTag('changing');
    await on.platform.models.apply(definitionOf(tag, { schedule: NIGHTLY }));
    await on.platform.schedules.pause(`tag/${tag}`, { reason: 'the year closes' });
    const applied = await on.platform.models.apply(
      definitionOf(tag, { schedule: { ...NIGHTLY, cron: '0 4 * * *' } }),
    );
    expect(applied.diff).toEqual([{ path: 'schedule.cron', from: NIGHTLY.cron, to: '0 4 * * *' }]);
    expect(await scheduleOf(tag)).toMatchObject({
      spec: { cron: '0 4 * * *', timezone: 'Europe/Berlin' },
      paused: { reason: 'the year closes' },
      recent: [],
    });
    expect((await on.platform.status(tag)).nextRetrain).toBeNull();
    await on.platform.schedules.resume(`tag/${tag}`);
    expect((await scheduleOf(tag))?.paused).toBeNull();
    expect((await on.platform.status(tag)).nextRetrain).not.toBeNull();

    await on.platform.schedules.delete(`tag/${tag}`);
    expect(await on.platform.models.get(tag)).not.toHaveProperty('schedule');
    expect((await on.platform.status(tag)).nextRetrain).toBeNull();
    await expect(actionOf(tag)).rejects.toThrow(/not found/i);
    await expect(on.platform.schedules.resume(`tag/${tag}`)).rejects.toBeInstanceOf(
      InvalidRequestError,
    );
  });

  it('U5 spreads tags over the time after the slot, each at a place of its own that stays', async () => {
    const [one, other] = [newTag('spread'), newTag('spread')];
    const schedule = { ...NIGHTLY, spread: '2h' };
    const delayOf = async (tag: string): Promise<number> => {
      const { args } = await actionOf(tag);
      return (args?.[0] as { delayMs: number }).delayMs;
    };
    for (const tag of [one, other]) await on.platform.models.apply(definitionOf(tag, { schedule }));
    const [first, second] = [await delayOf(one), await delayOf(other)];
    expect(first).not.toBe(second);
    for (const delayMs of [first, second]) {
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThan(2 * 3_600_000);
    }
    await on.platform.models.apply(
      definitionOf(one, { schedule: { ...schedule, cron: '0 5 * * *' } }),
    );
    expect(await delayOf(one)).toBe(first);
  });
});

describe('past slots', () => {
  it('U5 I12 are backfilled oldest first, paused or not, each judged on the data of its own night, and never twice', async () => {
    const tag = newTag('backfilled');
    await on.platform.models.apply(definitionOf(tag, { schedule: { cron: '0 3 * * *' } }));
    await on.platform.schedules.pause(`tag/${tag}`, { reason: 'only the backfill' });
    const range = {
      from: new Date('2013-06-01T00:00:00Z'),
      until: new Date('2013-06-03T00:00:00Z'),
    };
    const slots = ['2013-06-01T03:00:00Z', '2013-06-02T03:00:00Z'];
    const ids = slots.map((slot) => `retrain/${tag}/slot-${slot}`);
    await on.platform.schedules.backfill(`tag/${tag}`, range);
    for (const id of ids) await expect.poll(() => statusOf(id), EVENTUALLY).toBe('COMPLETED');

    const runs = await Promise.all(ids.map((id) => on.platform.runs.get(id)));
    const results = await Promise.all(runs.map((run) => run.result()));
    expect(results).toMatchObject(
      slots.map((slot, index) => ({
        dataCutoff: new Date(slot),
        modelId: `${tag}/${String(index + 1)}`,
      })),
    );
    const [first, second] = await Promise.all(
      ids.map((id) => client.workflow.getHandle(id).describe()),
    );
    expect(second?.startTime.getTime()).toBeGreaterThanOrEqual(first?.closeTime?.getTime() ?? NaN);

    await on.platform.schedules.backfill(`tag/${tag}`, range);
    const next = { from: range.from, until: new Date('2013-06-04T00:00:00Z') };
    await on.platform.schedules.backfill(`tag/${tag}`, next);
    const third = `retrain/${tag}/slot-2013-06-03T03:00:00Z`;
    await expect.poll(() => statusOf(third), EVENTUALLY).toBe('COMPLETED');
    expect((await versionsOf(on.stack, tag)).map(({ version }) => version)).toEqual([
      '1',
      '2',
      '3',
    ]);
    expect(await runsOf(on.stack, tag)).toHaveLength(3);
    expect(await jobsOf(ids[0] ?? '')).toHaveLength(2);
    expect((await scheduleOf(tag))?.paused).toEqual({ reason: 'only the backfill' });
  });

  it('U5 C3 a person triggers one now, and the run says when that was', async () => {
    const tag = newTag('triggered');
    await on.platform.models.apply(definitionOf(tag, { schedule: NEVER }));
    await on.platform.schedules.pause(`tag/${tag}`, { reason: 'by hand only' });
    await on.platform.schedules.trigger(`tag/${tag}`);
    await expect
      .poll(async () => (await scheduleOf(tag))?.recent ?? [], EVENTUALLY)
      .toHaveLength(1);
    const slot = (await scheduleOf(tag))?.recent[0];
    const run = await on.platform.runs.get(slot?.workflowId ?? '');
    const result = await run.result();
    expect(result).toMatchObject({ decision: 'promoted', modelId: `${tag}/1` });
    expect(run.workflowId).toContain(`retrain/${tag}/slot-20`);
    await expect(on.platform.schedules.trigger(`tag/${newTag('unknown')}`)).rejects.toMatchObject({
      code: 'UnknownTag',
    });
  });
});
