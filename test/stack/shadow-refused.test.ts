import {
  BusyError,
  InvalidRequestError,
  NoSlotError,
  QuarantinedError,
  UnknownModelError,
  UnknownTagError,
  type ShadowOptions,
} from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putLive, untouchedModels } from './support/models.js';
import { connected, CUTOFF, definitionOf, newTag, type Connected } from './support/platform.js';
import { isOpen, newPool, shadowed, windowEntries } from './support/windows.js';

/** 1 is live, 2 a candidate, 3 quarantined. */
let tag: string;
let on: Connected;
let pool: string;
beforeAll(async () => {
  on = await connected();
  tag = await untouchedModels(on, 'refused', 3);
  await putLive(on, tag, 1);
  await on.platform.quarantine(tag, 3, { reason: 'suspect' });
  pool = await newPool(on);
});
afterAll(() => on.platform.close());

const MINUTE_MS = 60_000;
const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * MINUTE_MS);
const asking = (version: number, over: Partial<ShadowOptions>, of = tag) => {
  const checks = [{ metric: 'error_rate', max: 0.01 }];
  return on.platform.shadow(of, version, { reason: 'a test', pool, checks, ...over });
};

/** Neither a run, nor a booking, nor an entry of the ledger. */
async function expectNothingBegan(): Promise<void> {
  for await (const { workflowId } of on.platform.runs.list({ tag, kind: 'shadow' }))
    expect.unreachable(workflowId);
  const year = { from: inMinutes(-60), until: inMinutes(365 * 24 * 60) };
  expect(await on.platform.shadowPools.calendar(pool, year)).toEqual([]);
  expect(await windowEntries(on, tag)).toEqual([]);
}

describe('a shadow window that cannot be', () => {
  const invalid: [
    what: string,
    path: string,
    message: RegExp,
    over: () => Partial<ShadowOptions>,
  ][] = [
    [
      'that is past',
      'options.until',
      /not past/,
      () => ({ from: inMinutes(-20), until: inMinutes(-10) }),
    ],
    [
      'longer than 30 days',
      'options.until',
      /at most 30 days/,
      () => ({ until: inMinutes(30 * 24 * 60 + 5) }),
    ],
    ['longer than 30 days', 'options.duration', /at most 30 days/, () => ({ duration: '31d' })],
    [
      'that ends before it begins',
      'options.until',
      /an end after/,
      () => ({ from: inMinutes(20), until: inMinutes(10) }),
    ],
    ['of no length', 'options.duration', /an end after|more than 0/, () => ({ duration: '0s' })],
    ['in a pool that nobody applied', 'pool', /nobody-has-it/, () => ({ pool: 'nobody-has-it' })],
    ['in a booking that nobody made', 'bookingId', /gpu-9/, () => ({ bookingId: 'gpu-9' })],
    ['of no request', 'options.samplingPercent', /0/, () => ({ samplingPercent: 0 })],
    [
      'of more than all requests',
      'options.samplingPercent',
      /100/,
      () => ({ samplingPercent: 101 }),
    ],
    [
      'judged by what nobody measures',
      'options.checks[0].metric',
      /vibes/,
      () => ({ checks: [{ metric: 'vibes', max: 1 }] }),
    ],
    [
      'that nothing can pass',
      'options.checks[0].max',
      /never pass/,
      () => ({ checks: [{ metric: 'error_rate', max: -1 }] }),
    ],
  ];
  it.each(invalid)('%s is refused at %s before anything starts', async (_, path, message, over) => {
    const refused = asking(2, {
      ...((over().until ?? over().bookingId) ? {} : { duration: '1m' }),
      ...over(),
    });
    await expect(refused).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(refused).rejects.toMatchObject({
      issues: [{ path: expect.stringMatching(path.replace(/[[\].]/g, '\\$&')) as string }],
    });
    await expect(refused).rejects.toThrow(message);
    await expectNothingBegan();
  });

  it('in a pool of other tiers is refused', async () => {
    const critical = newTag('critical');
    await on.platform.shadowPools.apply({ name: critical, slots: 1, tiers: ['critical'] });
    const refused = asking(2, { pool: critical, duration: '1m' });
    await expect(refused).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(refused).rejects.toThrow(/admits critical, and .* is standard/);
    await expectNothingBegan();
  });

  it('of the live model, a quarantined one, or one that is not there is refused', async () => {
    const over = { duration: '1m' };
    await expect(asking(1, over)).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(asking(1, over)).rejects.toThrow(/a version that is not live/);
    const quarantined = asking(3, over);
    await expect(quarantined).rejects.toBeInstanceOf(QuarantinedError);
    await expect(quarantined).rejects.toMatchObject({ modelId: `${tag}/3` });
    await expect(asking(9, over)).rejects.toBeInstanceOf(UnknownModelError);
    await expect(asking(1, over, newTag('nobody'))).rejects.toBeInstanceOf(UnknownTagError);
    await expectNothingBegan();
  });

  it('S1 in a pool that is full then is refused with the instant from which it is free', async () => {
    const full = await newPool(on);
    const window = { from: inMinutes(60), until: inMinutes(90) };
    await on.platform.shadowPools.book(full, { tag, version: 2, ...window });
    const release = { reason: 'it may be shadowed' };
    await on.platform.release(tag, 3, release);
    const refused = asking(3, { pool: full, ...window });
    await expect(refused).rejects.toBeInstanceOf(NoSlotError);
    await expect(refused).rejects.toMatchObject({ nextFree: window.until });
    await expectNothingBegan();
  });
});

it('S1 a second window of a tag is refused while one is open, and names its run', async () => {
  const run = await shadowed(on, tag);
  await isOpen(run);
  const second = asking(3, { duration: '1m' });
  await expect(second).rejects.toBeInstanceOf(BusyError);
  await expect(second).rejects.toMatchObject({ workflowId: run.workflowId });
  await run.end({ reason: 'the test is over' });
  expect(await run.result()).toMatchObject({ verdict: 'inconclusive', routeRestored: true });
});

it('S1 a candidate that needs what callers do not send is caught before its window begins', async () => {
  const narrow = newTag('narrow');
  await on.platform.models.apply(definitionOf(narrow));
  await (await on.platform.retrain(narrow, { asOf: CUTOFF })).result();
  const wider = definitionOf(narrow, { better: true });
  await on.platform.models.apply({ ...wider, gate: { ...wider.gate, autoPromote: false } });
  expect(await (await on.platform.retrain(narrow, { asOf: CUTOFF })).result()).toMatchObject({
    modelId: `${narrow}/2`,
  });
  const row = { origin: 'LGA', carrier: 'DL', dep_minute: 600, distance: 700 };
  expect(await on.platform.score(narrow, { dataframe_records: [row] })).toMatchObject({
    modelId: `${narrow}/1`,
  });

  const run = await shadowed(on, narrow, { duration: '24h' });
  const report = await run.result();
  expect(report).toMatchObject({
    verdict: 'failed',
    requests: { eligible: 0 },
    routeRestored: true,
    checks: [{ rule: 'live traffic', verdict: 'failed' }],
  });
  expect(report.checks[0]?.reason).toMatch(/origin_delay_2h/);
  expect(await windowEntries(on, narrow)).toEqual([]);
});

it('U3 a window with no live model to compare with is refused', async () => {
  await on.platform.demote(tag, { reason: 'closed', to: 'none' });
  const refused = asking(2, { duration: '1m' });
  await expect(refused).rejects.toBeInstanceOf(InvalidRequestError);
  await expect(refused).rejects.toThrow(/expected a live model/);
});
