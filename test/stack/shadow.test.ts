import { RunCancelledError, type ShadowHandle } from 'modelyard';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callMlflow } from '../support/mlflow-api.js';
import { answeredBy, startCallers, type Callers } from './support/callers.js';
import { servedBy } from './support/effects.js';
import { hostKindsOf, isAlive, runsOf, versionsOf } from './support/left-behind.js';
import { putLive, untouchedModels } from './support/models.js';
import { connected, CUTOFF, definitionOf, FLIGHT, type Connected } from './support/platform.js';
import {
  copiesTo,
  endOf,
  isOpen,
  newPool,
  routeIn,
  shadowed,
  windowEntries,
} from './support/windows.js';

/** 1 is live, 2 a candidate on a host of its own, 3 one on a shared host. */
let tag: string;
let on: Connected;
beforeAll(async () => {
  on = await connected();
  tag = await untouchedModels(on, 'shadowed', 2);
  await putLive(on, tag, 1);
  const gate = { ...definitionOf(tag).gate, autoPromote: false };
  await on.platform.models.apply(definitionOf(tag, { gate, serving: { kind: 'shared' } }));
  await (await on.platform.retrain(tag, { asOf: CUTOFF, params: { nth: 3 } })).result();
});
afterAll(() => on.platform.close());

const [FLIGHT_ROW] = FLIGHT.dataframe_records;
const flight = (nth: number) => ({
  dataframe_records: [
    { ...FLIGHT_ROW, dep_minute: 360 + 20 * (nth % 40), distance: 200 + 50 * (nth % 40) },
  ],
});
const EVENTUALLY = { timeout: 60_000, interval: 100 };
const CHECKS = [
  { metric: 'error_rate', max: 0.01 },
  { metric: 'disagreement_rate', max: 0.01 },
];
const calling = (): Callers => startCallers(() => on, tag, { input: flight });

/** Callers were served by the live model and by nothing else, and the route is what it was. */
async function expectUnnoticed(callers: Callers, before: unknown): Promise<void> {
  await callers.stop();
  expect(answeredBy(callers)).toEqual([`${tag}/1`]);
  expect(await routeIn(on, tag)).toEqual(before);
  expect(await on.platform.status(tag)).toMatchObject({ live: `${tag}/1`, shadow: null });
}

/** More copies than a verdict needs. */
async function enoughCopies(): Promise<void> {
  const { mirrored } = await copiesTo(on, `${tag}/2`);
  await expect
    .poll(async () => (await copiesTo(on, `${tag}/2`)).mirrored, EVENTUALLY)
    .toBeGreaterThan(mirrored + 20);
}

/** What the ledger has of the newest window, which is this run's. */
async function entriesOf(run: ShadowHandle) {
  const entries = await windowEntries(on, tag);
  const begun = entries.findLastIndex(({ action }) => action === 'shadow-start');
  expect(entries[begun]).toMatchObject({ workflowId: run.workflowId });
  return entries.slice(begun);
}

describe('a shadow window', () => {
  it('S1 C5 G5 of a minute compares a candidate of another kind with the live model, and leaves the route as it was', async () => {
    const before = await routeIn(on, tag);
    const callers = calling();
    const pool = await newPool(on);
    const asked = { reason: 'does it agree?', pool, minRequests: 100, checks: CHECKS };
    const run = await on.platform.shadow(tag, 3, { ...asked, duration: '1m', samplingPercent: 60 });
    const until = await isOpen(run);
    const openMs = Date.now();
    expect(await on.platform.status(tag)).toMatchObject({
      shadow: { modelId: `${tag}/3`, until, workflowId: run.workflowId },
    });
    expect(await hostKindsOf(on.stack, tag)).toEqual({
      [`${tag}/1`]: 'dedicated',
      [`${tag}/3`]: 'shared',
    });

    const report = await run.result();
    await expectUnnoticed(callers, before);
    expect(report).toMatchObject({
      candidate: `${tag}/3`,
      incumbent: `${tag}/1`,
      window: { extended: false },
      verdict: 'passed',
      routeRestored: true,
    });
    const { unsampled, ...counted } = await copiesTo(on, `${tag}/3`);
    const { eligible, mirrored, dropped, failed } = report.requests;
    expect(report.requests).toEqual(counted);
    expect(mirrored + dropped + failed + unsampled).toBe(eligible);
    expect(Math.min(mirrored, unsampled)).toBeGreaterThan(0);
    expect(failed).toBe(0);
    const inside = callers.answers.filter(
      ({ askedAtMs, answeredAtMs }) => askedAtMs > openMs && answeredAtMs < until.getTime(),
    );
    expect(eligible).toBeGreaterThanOrEqual(inside.length);
    expect(eligible).toBeLessThanOrEqual(callers.answers.length);
    expect((await entriesOf(run)).map(({ action }) => action)).toEqual([
      'shadow-start',
      'shadow-end',
    ]);
    expect(await on.platform.verify(tag)).toMatchObject({ ok: true });
    await expectOnItsRun(report);
    const { from } = report.window;
    expect(await on.platform.shadowPools.calendar(pool, { from, until })).toMatchObject([
      { tag, version: 3, state: 'done', workflowId: run.workflowId },
    ]);
  });

  it('U3 in which nobody asks is extended once, and is neither good nor bad', async () => {
    const run = await shadowed(on, tag);
    await isOpen(run);
    const soon = new Date(Date.now() + 3_000);
    await run.extend({ until: soon });
    await expect.poll(() => endOf(run), EVENTUALLY).not.toEqual(soon);
    await run.end({ reason: 'nobody comes' });
    expect(await run.result()).toMatchObject({
      window: { extended: true },
      requests: { eligible: 0, mirrored: 0, dropped: 0, failed: 0 },
      verdict: 'inconclusive',
      routeRestored: true,
    });
  });

  it('S1 is ended early by a person and judged by what there is, and one that is cancelled by nothing', async () => {
    const before = await routeIn(on, tag);
    const callers = calling();
    const run = await shadowed(on, tag);
    await isOpen(run);
    const later = new Date(Date.now() + 3_600_000);
    expect(await run.extend({ until: later })).toEqual({ until: later });
    expect(await routeIn(on, tag)).toMatchObject({ mirror: { until: later.toISOString() } });
    await enoughCopies();
    await run.end({ reason: 'seen enough' });
    expect(await run.result()).toMatchObject({ verdict: 'passed', window: { extended: true } });
    expect((await entriesOf(run)).at(-1)).toMatchObject({ reason: 'seen enough' });

    const other = await shadowed(on, tag);
    await isOpen(other);
    await other.cancel('the wrong candidate');
    await expect(other.result()).rejects.toBeInstanceOf(RunCancelledError);
    await expect.poll(() => routeIn(on, tag), EVENTUALLY).toEqual(before);
    await expectUnnoticed(callers, before);
  });
});

/** Every number that it reports, and what it looked like. */
async function expectOnItsRun(report: Awaited<ReturnType<ShadowHandle['result']>>): Promise<void> {
  const recorded = (await runsOf(on.stack, tag)).find(
    ({ info }) => info.run_id === report.registryRunId,
  );
  expect(recorded?.info.status).toBe('FINISHED');
  const logged = recorded?.data.metrics.map(({ key, value }) => [key, value] as const) ?? [];
  expect(report.metrics).toMatchObject({ disagreement_rate: 0, error_rate: 0 });
  expect(Object.fromEntries(logged)).toMatchObject(
    Object.fromEntries(
      Object.entries(report.metrics).map(([name, value]) => [`shadow.${name}`, value]),
    ),
  );
  const listed = `artifacts/list?run_id=${report.registryRunId}`;
  const top = await callMlflow(on.stack.mlflow.url, 'GET', listed);
  const below = await callMlflow(on.stack.mlflow.url, 'GET', `${listed}&path=shadow`);
  const paths = [top, below].flatMap(({ files }) =>
    ((files ?? []) as { path: string }[]).map(({ path }) => path),
  );
  expect(paths).toEqual(
    expect.arrayContaining(
      ['scores', 'distribution', 'agreement'].map((name) => `shadow/${name}.png`),
    ),
  );
  expect((await versionsOf(on.stack, tag)).at(-1)?.tags).toMatchObject({
    'modelyard.shadow_verdict': report.verdict,
  });
}

describe('a candidate that breaks in its window', () => {
  const lostCopies = async (): Promise<number> => {
    const { dropped, failed } = await copiesTo(on, `${tag}/2`);
    return dropped + failed;
  };
  it.each(['SIGSTOP', 'SIGKILL'] as const)(
    'I9 F27 by %s of its server costs callers nothing, and is counted',
    async (signal) => {
      const before = await routeIn(on, tag);
      const callers = calling();
      const run = await shadowed(on, tag);
      await isOpen(run);
      const { hosts } = await servedBy(on, tag);
      const pid = hosts.find(({ modelId }) => modelId === `${tag}/2`)?.pid ?? 0;
      expect(isAlive(pid)).toBe(true);
      const lost = await lostCopies();
      process.kill(pid, signal);
      await expect.poll(lostCopies, EVENTUALLY).toBeGreaterThan(lost);
      await run.end({ reason: 'seen enough' });

      const { requests, routeRestored } = await run.result();
      await expectUnnoticed(callers, before);
      expect(routeRestored).toBe(true);
      expect(requests.dropped + requests.failed).toBeGreaterThan(0);
      expect(requests.mirrored + requests.dropped + requests.failed).toBe(requests.eligible);
      await expect.poll(() => isAlive(pid), EVENTUALLY).toBe(false);
    },
  );
});

describe('a worker that is killed in a window', () => {
  it('F26 S1 I13 and comes back after its end: the gateway stopped by itself, and the window is ended once', async () => {
    const before = await routeIn(on, tag);
    const callers = calling();
    const run = await shadowed(on, tag);
    await isOpen(run);
    await enoughCopies();
    const { until } = await run.extend({ until: new Date(Date.now() + 5_000) });
    const { pid } = on.stack.worker;
    on.stack.worker.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), EVENTUALLY).toBe(false);
    await sleep(Math.max(0, until.getTime() - Date.now()) + 100);
    const atItsEnd = await copiesTo(on, `${tag}/2`);
    const answered = callers.answers.length;
    await expect.poll(() => callers.answers.length, EVENTUALLY).toBeGreaterThan(answered + 20);
    expect((await copiesTo(on, `${tag}/2`)).eligible).toBe(atItsEnd.eligible);
    expect(await routeIn(on, tag)).toHaveProperty('mirror');

    await on.stack.worker.restart();
    const report = await run.result();
    await expectUnnoticed(callers, before);
    expect(report).toMatchObject({ routeRestored: true, verdict: 'passed' });
    const entries = await entriesOf(run);
    expect(entries.map(({ action }) => action)).toEqual(['shadow-start', 'shadow-end']);
    expect(entries[1]?.at.getTime()).toBeGreaterThan(until.getTime());
    expect(report.window.until).toEqual(entries[1]?.at);
    expect(await on.platform.verify(tag)).toMatchObject({ ok: true });
  });
});

describe('a candidate that is deleted in its window', () => {
  it('F26 C5 fails its run by name when the window ends, with the route as it was', async () => {
    const before = await routeIn(on, tag);
    const callers = calling();
    const run = await shadowed(on, tag);
    await isOpen(run);
    await enoughCopies();
    await callMlflow(on.stack.mlflow.url, 'DELETE', 'model-versions/delete', {
      ...{ name: tag, version: '2' },
    });
    await run.end({ reason: 'seen enough' });
    const failed = await run.result().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Error);
    expect(String(failed)).toMatch(new RegExp(`${tag}/2|version 2`));
    await expectUnnoticed(callers, before);
    expect((await entriesOf(run)).map(({ action }) => action)).toEqual([
      'shadow-start',
      'shadow-end',
    ]);
  });
});
