import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnavailableError, type ShadowHandle } from 'modelyard';
import { startStack } from 'modelyard/dev';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCallers } from './support/callers.js';
import { jobsOf, promoted, servedBy } from './support/effects.js';
import { isAlive, runsOf, versionsOf } from './support/left-behind.js';
import { putLive, untouchedModels } from './support/models.js';
import {
  CUTOFF,
  definitionOf,
  newTag,
  platformOn,
  traced,
  type Connected,
} from './support/platform.js';
import { copiesTo, routeIn, shadowed } from './support/windows.js';

/** A stack of this file's own: its servers are stopped and killed. */
let directory: string;
let on: Connected;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'modelyard-restart-'));
  const stack = await startStack({ directory });
  on = { stack, platform: await platformOn(stack) };
});
afterAll(async () => {
  await on.platform.close();
  await on.stack.stop();
  await rm(directory, { recursive: true, force: true });
});

const EVENTUALLY = { timeout: 90_000, interval: 100 };
const ROW = {
  dataframe_records: [{ origin: 'LGA', carrier: 'DL', dep_minute: 600, distance: 700 }],
};

/** Starts what is down, as a person would: the same line again. */
async function startAgain(): Promise<void> {
  await on.platform.close();
  const stack = await startStack({ directory });
  on = { stack, platform: await platformOn(stack) };
}

async function kill(service: 'temporal' | 'gateway'): Promise<void> {
  const record = await readFile(join(directory, 'processes', `${service}.json`), 'utf8');
  const { pid } = JSON.parse(record) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isAlive(pid), EVENTUALLY).toBe(false);
}

async function liveTag(about: string): Promise<string> {
  const tag = newTag(about);
  await on.platform.models.apply(definitionOf(tag));
  await (await on.platform.retrain(tag, { asOf: CUTOFF })).result();
  return tag;
}

/** A retrain whose training is really under way, and the file that counts how often that happened. */
async function trainingOf(tag: string) {
  const trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
  const params = { trace, behave: 'slow', seconds: 12 };
  await on.platform.models.apply(definitionOf(tag, { params }));
  const run = await on.platform.retrain(tag, { asOf: CUTOFF, idempotencyKey: 'across' });
  await expect.poll(() => traced(trace), EVENTUALLY).toHaveLength(1);
  return { run, trace };
}

async function expectFinishedOnce(
  tag: string,
  { run, trace }: Awaited<ReturnType<typeof trainingOf>>,
) {
  const again = await on.platform.runs.get(run.workflowId);
  expect(await again.result()).toMatchObject({ decision: 'promoted', modelId: `${tag}/1` });
  expect(await traced(trace)).toHaveLength(1);
  expect(await jobsOf(run.workflowId, directory)).toMatchObject([
    { step: 'train', exitCode: 0 },
    { step: 'evaluate', exitCode: 0 },
  ]);
  expect(await runsOf(on.stack, tag)).toHaveLength(1);
  expect(await versionsOf(on.stack, tag)).toHaveLength(1);
  expect(await promoted(on, tag)).toEqual([`${tag}/1`]);
}

describe('a stack that is stopped and started again', () => {
  it('S5 U10 F9 F28 resumes all of it: routes, ledgers, a training that went on meanwhile, and a schedule that counts what it missed', async () => {
    const [tag, minutely] = [await liveTag('stopped'), newTag('missed')];
    const before = await on.platform.score(tag, ROW);
    const head = await on.platform.ledgerHead(tag);
    const training = newTag('training');
    const begun = await trainingOf(training);
    const schedule = { cron: '* * * * *', catchUp: '10s' };
    await on.platform.models.apply(
      definitionOf(minutely, { params: { behave: 'raise' }, schedule }),
    );

    await on.stack.stop();
    await untilSlotIsOlderThan(10_000);
    await startAgain();

    const after = await on.platform.score(tag, ROW);
    expect(after).toMatchObject({ modelId: before.modelId, predictions: before.predictions });
    expect(await on.platform.ledgerHead(tag)).toEqual(head);
    await on.platform.quarantine(tag, 1, { reason: 'the ledger goes on' });
    expect((await on.platform.ledgerHead(tag)).seq).toBe(head.seq + 1);
    expect(await on.platform.verify(tag)).toMatchObject({ ok: true, checked: head.seq + 1 });
    await expectFinishedOnce(training, begun);
    await expect.poll(() => missedOf(minutely), EVENTUALLY).toBeGreaterThan(0);
    await on.platform.schedules.delete(`tag/${minutely}`);
  });
});

/** Until a minute has begun, and so long ago that a schedule may not catch up with it any more. */
async function untilSlotIsOlderThan(catchUpMs: number): Promise<void> {
  const nextMinute = 60_000 - (Date.now() % 60_000);
  await sleep(nextMinute + catchUpMs + 2_000);
}

async function missedOf(tag: string): Promise<number> {
  for await (const { tag: of, missed } of on.platform.schedules.list())
    if (of === tag) return missed;
  return 0;
}

describe('a gateway that is killed', () => {
  it('F28 leaves its model servers running, and the next one adopts them with their route', async () => {
    const tag = await liveTag('gateway');
    const [before, scored] = [
      await servedBy(on, tag, directory),
      await on.platform.score(tag, ROW),
    ];
    expect(before.hosts).toMatchObject([{ modelId: `${tag}/1` }]);
    await kill('gateway');
    await expect(on.platform.score(tag, ROW)).rejects.toMatchObject({
      code: 'Unavailable',
      dependency: 'gateway',
    });
    expect(before.hosts.every(({ pid }) => isAlive(pid))).toBe(true);
    await startAgain();
    expect(await on.platform.score(tag, ROW)).toMatchObject({
      modelId: `${tag}/1`,
      predictions: scored.predictions,
    });
    expect(await servedBy(on, tag, directory)).toEqual(before);
  });

  it('F27 F28 I13 inside a shadow window copies again when it is back, and what was logged before it died counts', async () => {
    const tag = await untouchedModels(on, 'mirrored', 2);
    await putLive(on, tag, 1);
    const copies = () => copiesTo(on, `${tag}/2`, directory);
    const enough = () =>
      expect.poll(async () => (await copies()).mirrored, EVENTUALLY).toBeGreaterThan(20);
    const callers = startCallers(() => on, tag, { input: () => ROW });
    const { workflowId } = await shadowed(on, tag);
    await enough();
    const logged = await copies();
    // The log is on the disk about a second later.
    await sleep(3_000);
    await kill('gateway');
    await startAgain();
    await enough();
    await callers.stop();
    const copied = await copies();
    const run = (await on.platform.runs.get(workflowId)) as ShadowHandle;
    await run.end({ reason: 'seen enough' });

    const { requests, verdict, routeRestored } = await run.result();
    expect({ verdict, routeRestored }).toEqual({ verdict: 'passed', routeRestored: true });
    expect(requests.mirrored).toBeGreaterThanOrEqual(logged.mirrored + copied.mirrored);
    expect(requests.mirrored + requests.dropped + requests.failed).toBe(requests.eligible);
    expect(await routeIn(on, tag, directory)).not.toHaveProperty('mirror');
  });
});

describe('a Temporal server that is killed', () => {
  it('F5 takes the control away and nothing else: serving goes on, and so does the run once the server is back', async () => {
    const [tag, training] = [await liveTag('server'), newTag('server-training')];
    const begun = await trainingOf(training);
    await kill('temporal');
    expect(await on.platform.score(tag, ROW)).toMatchObject({ modelId: `${tag}/1` });
    const unavailable = on.platform.status(tag);
    await expect(unavailable).rejects.toBeInstanceOf(UnavailableError);
    await expect(unavailable).rejects.toMatchObject({ dependency: 'temporal' });
    await startAgain();
    expect(await on.platform.status(tag)).toMatchObject({ live: `${tag}/1` });
    await expectFinishedOnce(training, begun);
  });

  it('F6 during an update: the same request again gets its one result', async () => {
    const tag = await liveTag('update');
    const { seq } = await on.platform.ledgerHead(tag);
    const request = { reason: 'it looks odd', idempotencyKey: 'once' };
    const asked = on.platform.quarantine(tag, 1, request).catch((error: unknown) => error);
    await kill('temporal');
    await startAgain();
    const entry = await on.platform.quarantine(tag, 1, request);
    expect(entry).toMatchObject({ action: 'quarantine', seq: seq + 1, reason: 'it looks odd' });
    const first = await asked;
    if (!(first instanceof Error)) expect(first).toEqual(entry);
    expect((await on.platform.ledgerHead(tag)).seq).toBe(seq + 1);
  });
});
