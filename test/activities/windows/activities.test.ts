import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createWindowActivities,
  type WindowQuestion,
} from '../../../activities/windows/activities.js';
import type { WindowSpec } from '../../../temporal/contracts/rollout.js';
import { WindowSpans, type Span } from '../../../temporal/contracts/windows.js';
import { windowAt } from '../../../workflows/policy/windows.js';

const activities = createWindowActivities();
const windowSpans = (question: WindowQuestion) => activities.windowSpans(question);
const allowed = async (spec: WindowSpec, at: string): Promise<Span[] | null> =>
  (await windowSpans({ windows: { allow: [spec] }, at })).allow;
const DAY_MS = 24 * 60 * 60 * 1000;
const daysOf = ({ from, until }: WindowSpans): number =>
  (Date.parse(until) - Date.parse(from)) / DAY_MS;

describe('change windows as instants', () => {
  it('begin by their expression, in UTC without a time zone, and last their duration (U6)', async () => {
    const at = '2026-11-20T00:00:00.000Z';
    const allow = [{ cron: '0 9 * * mon-fri', duration: '8h' }];
    const deny = [{ cron: '30 11 * * *', duration: '1h', timezone: 'Europe/Berlin' }];
    expect(await windowSpans({ windows: { allow, deny }, at })).toEqual({
      from: at,
      until: '2026-11-22T00:00:00.000Z',
      allow: [{ from: '2026-11-20T09:00:00.000Z', until: '2026-11-20T17:00:00.000Z' }],
      deny: [
        { from: '2026-11-20T10:30:00.000Z', until: '2026-11-20T11:30:00.000Z' },
        { from: '2026-11-21T10:30:00.000Z', until: '2026-11-21T11:30:00.000Z' },
      ],
    });
  });

  it('tell no allow list from one that allows nothing yet (U6)', async () => {
    const at = '2026-11-20T00:00:00.000Z';
    expect((await windowSpans({ windows: {}, at })).allow).toBeNull();
    expect((await windowSpans({ windows: { deny: [] }, at })).allow).toBeNull();
    const never = { cron: '0 0 30 2 *', duration: '1h' };
    expect(await allowed(never, at)).toEqual([]);
  });

  it('count one that began before and still lasts, to the instant at which it ends (U6)', async () => {
    const spec = { cron: '0 9 * * mon', duration: '3d' };
    const first = async (at: string) => (await allowed(spec, at))?.[0];
    expect(await first('2026-11-19T08:59:59.999Z')).toEqual({
      from: '2026-11-19T08:59:59.999Z',
      until: '2026-11-19T09:00:00.000Z',
    });
    expect(await first('2026-11-19T09:00:00.000Z')).toMatchObject({
      from: '2026-11-23T09:00:00.000Z',
    });
  });

  it('are told as one where they overlap or touch (U6)', async () => {
    const at = '2026-11-20T00:00:00.000Z';
    const touching = { cron: '0 */2 * * *', duration: '2h' };
    expect(await allowed(touching, at)).toEqual([{ from: at, until: '2026-11-22T00:00:00.000Z' }]);
    const { deny } = await windowSpans({
      windows: {
        deny: [
          { cron: '0 12 20 11 *', duration: '2h' },
          { cron: '0 10 20 11 *', duration: '3h' },
          { cron: '0 13 20 11 *', duration: '10m' },
        ],
      },
      at,
    });
    expect(deny).toEqual([{ from: '2026-11-20T10:00:00.000Z', until: '2026-11-20T14:00:00.000Z' }]);
  });

  it.each([
    ['0 12 * * *', 2],
    ['0 12 30 11 *', 14],
    ['0 12 1 1 *', 90],
    ['0 12 1 10 *', 400],
  ])('look as far as the next opening of %s is: %i days (U6)', async (cron, days) => {
    const at = '2026-11-20T00:00:00.000Z';
    const spans = await windowSpans({ windows: { allow: [{ cron, duration: '1h' }] }, at });
    expect(daysOf(spans)).toBe(days);
    expect(windowAt(spans, at)).toMatchObject({
      open: false,
      nextOpening: expect.stringContaining('T12:00:00.000Z'),
    });
  });

  it('look past openings that are denied (U6)', async () => {
    const at = '2026-11-20T00:00:00.000Z';
    const windows = {
      allow: [{ cron: '0 9 * * *', duration: '1h' }],
      deny: [{ cron: '0 0 1 11 *', duration: '31d' }],
    };
    expect(windowAt(await windowSpans({ windows, at }), at)).toEqual({
      open: false,
      nextOpening: '2026-12-02T09:00:00.000Z',
      because: 'denied until 2026-12-02T00:00:00.000Z',
    });
  });

  it('look less far ahead rather than answer with more than a history should hold (U6)', async () => {
    const at = '2026-11-20T00:00:00.000Z';
    const each = { cron: '*/2 * * * *', duration: '1m' };
    const spans = await windowSpans({ windows: { allow: [each], deny: [each] }, at });
    expect(daysOf(spans)).toBe(2);
    expect(windowAt(spans, at)).toMatchObject({ open: false, nextOpening: null });
  });

  it('are answers that the contract takes (U6)', async () => {
    const windows = { allow: [{ cron: '0 9 * * *', duration: '1h' }], deny: [] };
    const spans = await windowSpans({ windows, at: '2026-11-20T00:00:00Z' });
    expect(WindowSpans.parse(spans)).toEqual(spans);
  });

  it('cover the minutes that one finds by looking at every minute (U6)', async () => {
    const field = (min: number, max: number) =>
      fc.oneof(
        fc.constant({ text: '*', has: () => true }),
        fc.integer({ min, max }).map((only) => ({
          text: String(only),
          has: (value: number) => value === only,
        })),
        fc.integer({ min: 2, max: 7 }).map((step) => ({
          text: `*/${String(step)}`,
          has: (value: number) => (value - min) % step === 0,
        })),
      );
    const spec = fc.record({
      minute: field(0, 59),
      hour: field(0, 23),
      weekday: field(0, 6),
      minutes: fc.integer({ min: 1, max: 2000 }),
    });
    await fc.assert(
      fc.asyncProperty(spec, fc.nat(59_999), async (of, ms) => {
        const begins = (at: number): boolean => {
          const date = new Date(at);
          return (
            of.minute.has(date.getUTCMinutes()) &&
            of.hour.has(date.getUTCHours()) &&
            of.weekday.has(date.getUTCDay())
          );
        };
        const cron = `${of.minute.text} ${of.hour.text} * * ${of.weekday.text}`;
        const from = Date.parse('2026-11-20T07:31:00Z') + ms;
        const found = await windowSpans({
          windows: { deny: [{ cron, duration: `${String(of.minutes)}m` }] },
          at: new Date(from).toISOString(),
        });
        let leftMinutes = 0;
        const wholeMinute = from - ms;
        for (let at = wholeMinute - of.minutes * 60_000; at < wholeMinute + DAY_MS; at += 60_000) {
          leftMinutes = begins(at) ? of.minutes : leftMinutes - 1;
          const instant = at + 59_999;
          if (at < wholeMinute) continue;
          const denied = found.deny.some(
            (each) => Date.parse(each.from) <= instant && instant < Date.parse(each.until),
          );
          expect(denied, `${cron} ${new Date(at).toISOString()}`).toBe(leftMinutes > 0);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('change windows where the clocks change', () => {
  it('open right after the skipped hour when it has their one time of the day (U6)', async () => {
    const berlin = { cron: '30 2 * * *', duration: '1h', timezone: 'Europe/Berlin' };
    expect(await allowed(berlin, '2027-03-27T12:00:00.000Z')).toEqual([
      { from: '2027-03-28T01:00:00.000Z', until: '2027-03-28T02:00:00.000Z' },
      { from: '2027-03-29T00:30:00.000Z', until: '2027-03-29T01:30:00.000Z' },
    ]);
    const newYork = { ...berlin, timezone: 'America/New_York' };
    expect((await allowed(newYork, '2027-03-13T12:00:00.000Z'))?.[0]).toEqual({
      from: '2027-03-14T07:00:00.000Z',
      until: '2027-03-14T08:00:00.000Z',
    });
  });

  it('open once, the first time, when the doubled hour has their one time of the day (U6)', async () => {
    const berlin = { cron: '30 2 * * *', duration: '15m', timezone: 'Europe/Berlin' };
    expect(await allowed(berlin, '2026-10-24T12:00:00.000Z')).toEqual([
      { from: '2026-10-25T00:30:00.000Z', until: '2026-10-25T00:45:00.000Z' },
      { from: '2026-10-26T01:30:00.000Z', until: '2026-10-26T01:45:00.000Z' },
    ]);
    const newYork = { cron: '30 1 * * *', duration: '15m', timezone: 'America/New_York' };
    expect((await allowed(newYork, '2026-10-31T12:00:00.000Z'))?.[0]).toEqual({
      from: '2026-11-01T05:30:00.000Z',
      until: '2026-11-01T05:45:00.000Z',
    });
  });

  it('open in the doubled hour both times, and in the skipped one not, when they have several (U6)', async () => {
    const twice = { cron: '0,30 2 * * *', duration: '10m', timezone: 'Europe/Berlin' };
    const begins = async (at: string) => (await allowed(twice, at))?.map(({ from }) => from);
    expect(await begins('2026-10-24T12:00:00.000Z')).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
      '2026-10-26T01:00:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
    expect(await begins('2027-03-27T12:00:00.000Z')).toEqual([
      '2027-03-29T00:00:00.000Z',
      '2027-03-29T00:30:00.000Z',
    ]);
  });

  it('leave no gap and no overlap when one follows the other each hour (U6)', async () => {
    for (const at of ['2026-10-24T12:00:00.000Z', '2027-03-27T12:00:00.000Z']) {
      const hourly = { cron: '0 * * * *', duration: '1h', timezone: 'Europe/Berlin' };
      expect(await allowed(hourly, at)).toHaveLength(1);
    }
  });

  it('last their duration in elapsed time, whatever the clocks say at its end (U6)', async () => {
    const day = { cron: '0 0 * * sun', duration: '24h', timezone: 'Europe/Berlin' };
    expect(await allowed(day, '2026-10-24T21:00:00.000Z')).toEqual([
      // 23:00 of the same Sunday, which has 25 hours.
      { from: '2026-10-24T22:00:00.000Z', until: '2026-10-25T22:00:00.000Z' },
    ]);
    expect(await allowed(day, '2027-03-27T22:00:00.000Z')).toEqual([
      // 01:00 of the Monday after a Sunday of 23 hours.
      { from: '2027-03-27T23:00:00.000Z', until: '2027-03-28T23:00:00.000Z' },
    ]);
  });

  it('still last when they began before the clocks changed (U6)', async () => {
    const night = { cron: '0 22 * * *', duration: '8h', timezone: 'America/New_York' };
    expect((await allowed(night, '2026-11-01T07:00:00.000Z'))?.[0]).toEqual({
      from: '2026-11-01T07:00:00.000Z',
      until: '2026-11-01T10:00:00.000Z',
    });
  });
});
