import { randomUUID } from 'node:crypto';
import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSchedules } from '../../../activities/schedules/temporal.js';
import type { Schedules } from '../../../activities/schedules/port.js';
import { spreadOffsetMs } from '../../../activities/schedules/spread.js';
import { ScheduleSpec } from '../../../temporal/contracts/schedule.js';
import { Platform } from '../../../sdk/index.js';
import { imageDefinition } from '../../sdk/fixtures/definition.js';
import {
  startTemporal,
  startWorker,
  type RunningWorker,
  type TemporalServer,
} from '../../sdk/fixtures/server.js';

const TASK_QUEUE = 'schedules';
let server: TemporalServer;
let client: Client;
let schedules: Schedules;
let platform: Platform;
let worker: RunningWorker;

beforeAll(async () => {
  server = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
  schedules = createSchedules({ client, taskQueue: TASK_QUEUE });
  platform = await Platform.connect({
    temporal: { address: server.address },
    taskQueue: TASK_QUEUE,
  });
  worker = await startWorker(server.address, TASK_QUEUE);
});
afterAll(async () => {
  await platform.close();
  await client.connection.close();
  await worker.stop();
  await server[Symbol.asyncDispose]();
});

const newTag = (): string => `s-${randomUUID().slice(0, 8)}`;
const described = (tag: string) => client.schedule.getHandle(`tag/${tag}`).describe();
const nightly = { cron: '30 3 * * *', timezone: 'Europe/Berlin' };

describe('the spread of a tag', () => {
  it('U5 is the same every night, lies within the spread, and differs between tags', () => {
    const hourMs = 3_600_000;
    const offsets = Array.from({ length: 200 }, (_, index) =>
      spreadOffsetMs(`tag-${String(index)}`, hourMs),
    );
    expect(spreadOffsetMs('tag-1', hourMs)).toBe(offsets[1]);
    expect(offsets.every((offset) => offset >= 0 && offset < hourMs && offset % 1000 === 0)).toBe(
      true,
    );
    expect(new Set(offsets).size).toBeGreaterThan(190);
    const quarters = [0, 1, 2, 3].map(
      (quarter) => offsets.filter((offset) => Math.floor(offset / (hourMs / 4)) === quarter).length,
    );
    for (const count of quarters) expect(count).toBeGreaterThan(25);
    expect(spreadOffsetMs('tag-1', 0)).toBe(0);
  });
});

describe("a tag's schedule", () => {
  it('C3 fires the retrain of the tag at the times of the definition, nominal times in its time zone', async () => {
    const tag = newTag();
    await schedules.apply(tag, { ...nightly, spread: '30m', overlap: 'buffer-one' }, 'alice');
    const { action, policies, info } = await described(tag);
    const args = [
      { tag, trigger: 'schedule', actor: 'alice', delayMs: spreadOffsetMs(tag, 1_800_000) },
    ];
    expect(action).toMatchObject({
      workflowType: 'retrain',
      workflowId: `retrain/${tag}/slot`,
      taskQueue: TASK_QUEUE,
      args,
    });
    expect(policies).toMatchObject({ overlap: 'BUFFER_ONE', catchupWindow: 3_600_000 });
    const berlin = new Intl.DateTimeFormat('de-DE', {
      timeZone: 'Europe/Berlin',
      timeStyle: 'medium',
    });
    for (const next of info.nextActionTimes) expect(berlin.format(next)).toBe('03:30:00');
  });

  it('S5 is the same after the same apply again, and follows a new spec', async () => {
    const tag = newTag();
    await schedules.apply(tag, nightly, 'alice');
    await schedules.apply(tag, nightly, 'alice');
    await schedules.apply(
      tag,
      { cron: '0 * * * *', catchUp: '2h', overlap: 'cancel-other' },
      'bob',
    );
    const { info, policies } = await described(tag);
    expect(info.nextActionTimes.every((next) => next.getUTCMinutes() === 0)).toBe(true);
    expect(policies).toMatchObject({ overlap: 'CANCEL_OTHER', catchupWindow: 7_200_000 });
  });

  it('F8 is one schedule after racing applies', async () => {
    const tag = newTag();
    await Promise.all(Array.from({ length: 10 }, () => schedules.apply(tag, nightly, 'alice')));
    expect((await described(tag)).action).toMatchObject({ memo: { spec: nightly } });
  });

  it('U5 stays paused, with its reason, when it is applied anew', async () => {
    const tag = newTag();
    await platform.models.apply(imageDefinition(tag));
    await schedules.apply(tag, nightly, 'alice');
    await platform.schedules.pause(`tag/${tag}`, { reason: 'holidays' });
    await schedules.apply(tag, { cron: '0 4 * * *' }, 'alice');
    const found = [];
    for await (const status of platform.schedules.list())
      if (status.tag === tag) found.push(status);
    expect(found).toMatchObject([
      {
        id: `tag/${tag}`,
        spec: { cron: '0 4 * * *' },
        paused: { reason: 'holidays' },
        missed: 0,
        skipped: 0,
      },
    ]);
    expect((await platform.status(tag)).nextRetrain).toBeNull();
    await platform.schedules.resume(`tag/${tag}`);
    expect((await platform.status(tag)).nextRetrain?.getUTCHours()).toBe(4);
  });

  it('is gone after null, however often', async () => {
    const tag = newTag();
    await schedules.apply(tag, nightly, 'alice');
    await schedules.apply(tag, null, 'alice');
    await schedules.apply(tag, null, 'alice');
    await expect(described(tag)).rejects.toBeInstanceOf(ScheduleNotFoundError);
  });

  it('is refused for good when the expression names no times', async () => {
    const tag = newTag();
    const refused = { type: 'InvalidDefinition', nonRetryable: true };
    await expect(schedules.apply(tag, { cron: '99 99 * * *' }, 'alice')).rejects.toMatchObject(
      refused,
    );
    await schedules.apply(tag, nightly, 'alice');
    await expect(schedules.apply(tag, { cron: '99 99 * * *' }, 'alice')).rejects.toMatchObject(
      refused,
    );
    expect((await described(tag)).action).toMatchObject({ memo: { spec: nightly } });
  });

  it('F9 a definition admits exactly the expressions that Temporal admits', async () => {
    const cases = [
      ...['* * * * *', '*/15 0-6 1,15 * 1-5', '0 3 * * sun', '0 3 * * SUN-sat', '0 3 * jan,Dec *'],
      ...['5/10 * * * *', '0 0 31 2 *', '0 3 * * 7', '0 3 * * 5-7', '59 23 31 12 0', '00 03 * * *'],
      ...['60 * * * *', '0 24 * * *', '0 0 0 * *', '0 0 32 * *', '0 0 * 0 *', '0 0 * 13 *'],
      ...['0 0 * * 8', '5-1 * * * *', '*/0 * * * *', '1/2/3 * * * *', 'x * * * *', '1-2-3 * * * *'],
      ...[
        '-1 * * * *',
        '*-5 * * * *',
        '1, * * * *',
        '0 3 * * sun-fri-sat',
        '*/ * * * *',
        '0 3 ? * *',
      ],
      ...['0 3 L * *', '1.5 * * * *', '@daily x x x x', '0 3 * foo *', '0 3 * * *x'],
    ];
    for (const cron of cases) {
      const tag = newTag();
      const admitted = await schedules.apply(tag, { cron }, 'alice').then(
        () => true,
        () => false,
      );
      expect({ cron, admitted: ScheduleSpec.safeParse({ cron }).success }).toEqual({
        cron,
        admitted,
      });
      await schedules.apply(tag, null, 'alice');
    }
    // Temporal takes the rest for a comment: every Monday, where the second one of the month was meant.
    expect(ScheduleSpec.safeParse({ cron: '0 3 * * mon#2' }).success).toBe(false);
  });

  it('U5 backfills the slots of [from, until) once each, oldest first, under their nominal times', async () => {
    const tag = newTag();
    await platform.models.apply(imageDefinition(tag));
    await schedules.apply(tag, { cron: '0 3 * * *' }, 'alice');
    const range = {
      from: new Date('2026-01-01T03:00:00Z'),
      until: new Date('2026-01-04T03:00:00Z'),
    };
    await platform.schedules.backfill(`tag/${tag}`, range);
    const slots = ['2026-01-01', '2026-01-02', '2026-01-03'].map(
      (day) => `retrain/${tag}/slot-${day}T03:00:00Z`,
    );
    await expect
      .poll(
        async () =>
          (await described(tag)).info.recentActions.map(({ action }) => action.workflow.workflowId),
        { timeout: 15_000 },
      )
      .toEqual(slots);
    const starts = await Promise.all(
      slots.map(async (id) => (await client.workflow.getHandle(id).describe()).startTime.getTime()),
    );
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });

  it('I12 a backfilled slot that completed is not run again, and one that failed is', async () => {
    const tag = newTag();
    await platform.models.apply(imageDefinition(tag));
    await schedules.apply(tag, { cron: '0 3 * * *' }, 'alice');
    const [done, broken] = ['2026-01-01', '2026-01-02'].map(
      (day) => `retrain/${tag}/slot-${day}T03:00:00Z`,
    ) as [string, string];
    const start = (workflowId: string, params: object) =>
      client.workflow.start('retrain', {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [{ tag, trigger: 'schedule', actor: 'a', params }],
      });
    const [first, second] = await Promise.all([start(done, {}), start(broken, { fail: 'boom' })]);
    await first.result();
    await second.result().catch(() => undefined);
    await platform.schedules.backfill(`tag/${tag}`, {
      from: new Date('2026-01-01T00:00:00Z'),
      until: new Date('2026-01-04T00:00:00Z'),
    });
    await expect
      .poll(
        async () =>
          client.workflow
            .getHandle(`retrain/${tag}/slot-2026-01-03T03:00:00Z`)
            .describe()
            .then(
              ({ status }) => status.name,
              () => '',
            ),
        { timeout: 15_000 },
      )
      .toBe('COMPLETED');
    const runOf = async (id: string): Promise<string> =>
      (await client.workflow.getHandle(id).describe()).runId;
    expect(await runOf(done)).toBe(first.firstExecutionRunId);
    expect(await runOf(broken)).not.toBe(second.firstExecutionRunId);
  });

  it('U5 is triggered while paused, at once', async () => {
    const tag = newTag();
    await platform.models.apply(imageDefinition(tag));
    await schedules.apply(tag, nightly, 'alice');
    await platform.schedules.pause(`tag/${tag}`, { reason: 'r' });
    await platform.schedules.trigger(`tag/${tag}`);
    await expect
      .poll(async () => (await described(tag)).info.recentActions.length, { timeout: 15_000 })
      .toBe(1);
  });
});
