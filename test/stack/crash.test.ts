import { randomInt } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  IdempotencyConflictError,
  QuarantinedError,
  RunCancelledError,
  RunFailedError,
  type RetrainHandle,
} from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectsOf, jobsOf, onceOnly, servedBy } from './support/effects.js';
import { isAlive, runsOf, versionsOf } from './support/left-behind.js';
import {
  connected,
  CUTOFF,
  definitionOf,
  newTag,
  platformOn,
  traced,
  type Connected,
} from './support/platform.js';
import { seededRandom } from './support/random.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

const EVENTUALLY = { timeout: 60_000, interval: 50 };
const newTrace = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');

async function killAndRestart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
  const { pid } = on.stack.worker;
  on.stack.worker.kill(signal);
  await expect.poll(() => isAlive(pid), EVENTUALLY).toBe(false);
  await on.stack.worker.restart();
}

/** Resolves once the run is at one of the stages, looked at often enough to be in the middle of it. */
async function reached(run: RetrainHandle, ...stages: string[]): Promise<void> {
  await expect.poll(async () => stages.includes((await run.status()).stage), EVENTUALLY).toBe(true);
}

describe('a worker that is killed', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'F1 F4 S5 by %s during the training: the run adopts the job that went on without it',
    async (signal) => {
      const [tag, trace] = [newTag('training'), await newTrace()];
      await on.platform.models.apply(definitionOf(tag, { params: { trace, behave: 'slow' } }));
      const run = await on.platform.retrain(tag, { asOf: CUTOFF });
      await expect.poll(() => traced(trace), EVENTUALLY).toHaveLength(1);
      await killAndRestart(signal);
      expect(await run.result()).toMatchObject({ decision: 'promoted', modelId: `${tag}/1` });
      expect(await traced(trace)).toHaveLength(1);
      expect(await effectsOf(on, run, tag)).toEqual(onceOnly(tag));
    },
  );

  it('F1 S5 by SIGKILL during the evaluation: nothing is trained or measured twice', async () => {
    const [tag, trace] = [newTag('evaluation'), await newTrace()];
    await on.platform.models.apply(definitionOf(tag, { params: { trace } }));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    await expect
      .poll(async () => (await jobsOf(run.workflowId)).at(1)?.pid ?? null, EVENTUALLY)
      .not.toBeNull();
    await killAndRestart();
    expect(await run.result()).toMatchObject({ decision: 'promoted' });
    expect(await traced(trace)).toHaveLength(1);
    expect(await effectsOf(on, run, tag)).toEqual(onceOnly(tag));
  });

  it('F1 F2 by SIGKILL between the lease of a rollout and its commit: it goes on and commits once', async () => {
    const tag = newTag('rollout');
    await on.platform.models.apply(definitionOf(tag));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    await reached(run, 'turn', 'host', 'commit');
    await killAndRestart();
    expect(await run.result()).toMatchObject({ decision: 'promoted' });
    expect(await effectsOf(on, run, tag)).toEqual(onceOnly(tag));
    expect(await on.platform.verify(tag)).toMatchObject({ ok: true });
  });

  it('F2 at any moment, again and again: what was done counts once', async () => {
    const seed = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
    const random = seededRandom(seed);
    const [tag, trace] = [newTag('any-moment'), await newTrace()];
    await on.platform.models.apply(definitionOf(tag, { params: { trace } }));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    const delaysMs = Array.from({ length: 6 }, () => Math.floor(random() * 2_500));
    console.log(
      `MODELYARD_SEED=${String(seed)}: the worker is killed after ${delaysMs.join(', ')} ms`,
    );
    for (const delayMs of delaysMs) {
      await sleep(delayMs);
      await killAndRestart();
    }
    expect(await run.result()).toMatchObject({ decision: 'promoted', modelId: `${tag}/1` });
    expect(await traced(trace)).toHaveLength(1);
    expect(await effectsOf(on, run, tag)).toEqual(onceOnly(tag));
    expect(await on.platform.verify(tag)).toMatchObject({ ok: true });
    await expect
      .poll(async () => (await on.platform.status(tag)).registry, EVENTUALLY)
      .toMatchObject({ inSync: true, pending: 0 });
  });
});

describe('an idempotency key', () => {
  it('F7 R7 starts one run for a hundred callers at once, and only one request may use it', async () => {
    const [tag, trace] = [newTag('racing'), await newTrace()];
    const other = await platformOn(on.stack, { actor: 'someone-else' });
    await on.platform.models.apply(definitionOf(tag, { params: { trace } }));
    const asked = { asOf: CUTOFF, idempotencyKey: 'tonight' };
    const runs = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (index % 2 === 0 ? on.platform : other).retrain(tag, asked),
      ),
    );
    expect(new Set(runs.map(({ workflowId }) => workflowId)).size).toBe(1);
    const conflict = { idempotencyKey: 'tonight' };
    for (const changed of [{ params: { depth: 3 } }, { asOf: new Date('2013-06-02T00:00:00Z') }]) {
      const refused = other.retrain(tag, { ...asked, ...changed });
      await expect(refused).rejects.toBeInstanceOf(IdempotencyConflictError);
      await expect(refused).rejects.toMatchObject(conflict);
    }
    const results = await Promise.all(runs.slice(0, 4).map((run) => run.result()));
    expect(new Set(results.map(({ modelId }) => modelId))).toEqual(new Set([`${tag}/1`]));
    await (await other.retrain(tag, asked)).result();
    await other.close();
    expect(await traced(trace)).toHaveLength(1);
    expect(await effectsOf(on, { workflowId: `retrain/${tag}/tonight` }, tag)).toEqual(
      onceOnly(tag),
    );
  });

  it('R7 S5 U10 of a run that failed starts it again: it adopts what was made, and its attempts are its own', async () => {
    const [tag, trace] = [newTag('again'), await newTrace()];
    const curedBy = `${trace}.cure`;
    const params = { trace, behave: 'raise', cured_by: curedBy };
    await on.platform.models.apply(definitionOf(tag, { params }));
    const asked = { asOf: CUTOFF, idempotencyKey: 'tonight' };
    const first = await on.platform.retrain(tag, asked);
    const failed = first.result();
    await expect(failed).rejects.toBeInstanceOf(RunFailedError);
    await expect(failed).rejects.toMatchObject({ stage: 'training' });
    await expect(failed).rejects.toThrow('the label column is upside down');
    expect((await runsOf(on.stack, tag)).map(({ info }) => info.status)).toEqual(['FAILED']);

    await writeFile(curedBy, '');
    const second = await on.platform.retrain(tag, asked);
    expect(second.workflowId).toBe(first.workflowId);
    expect(await second.result()).toMatchObject({ decision: 'promoted', modelId: `${tag}/1` });
    expect(await traced(trace)).toHaveLength(2);
    expect(await effectsOf(on, second, tag)).toEqual({
      ...onceOnly(tag),
      jobs: [
        ['train', 70],
        ['train', 0],
        ['evaluate', 0],
      ],
    });
  });
});

describe('a run that is cancelled', () => {
  it('F33 while it trains leaves no process, no version and no open record', async () => {
    const [tag, trace] = [newTag('cancelled'), await newTrace()];
    await on.platform.models.apply(definitionOf(tag, { params: { trace, behave: 'hang' } }));
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    await expect.poll(() => traced(trace), EVENTUALLY).toHaveLength(1);
    await run.cancel('the data is wrong');
    await expect(run.result()).rejects.toBeInstanceOf(RunCancelledError);
    expect(await run.status()).toMatchObject({ state: 'cancelled', stage: 'training' });
    expect((await traced(trace)).filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(await jobsOf(run.workflowId)).toMatchObject([{ step: 'train', ending: 'cancelled' }]);
    expect((await runsOf(on.stack, tag)).map(({ info }) => info.status)).toEqual(['KILLED']);
    expect(await versionsOf(on.stack, tag)).toEqual([]);
    expect((await on.platform.ledger(tag)).map(({ action }) => action)).toEqual(['define']);
    await run.cancel('again');
  });
});

describe('a rollback that races with a rollout of the same model', () => {
  it('F24 F25 wins in every order: the model that was left is not live, and everyone says so', async () => {
    const seed = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
    console.log(`MODELYARD_SEED=${String(seed)}`);
    const random = seededRandom(seed);
    const tag = newTag('racing-rollback');
    await on.platform.models.apply(definitionOf(tag));
    await (await on.platform.retrain(tag, { asOf: CUTOFF })).result();
    const second = { asOf: new Date('2013-06-03T00:00:00Z'), autoPromote: false };
    expect(await (await on.platform.retrain(tag, second)).result()).toMatchObject({
      modelId: `${tag}/2`,
    });
    const settled = async (round: string): Promise<void> => {
      const [status, served] = await Promise.all([on.platform.status(tag), servedBy(on, tag)]);
      expect(status, round).toMatchObject({ live: `${tag}/1`, rollout: null });
      expect(served, round).toMatchObject({
        live: `${tag}/1`,
        fence: status.serving.observedFence,
      });
      await on.platform.release(tag, 2, { reason: `${round} is over` });
    };

    await leave(tag);
    await expect(rollOut(tag)).rejects.toBeInstanceOf(QuarantinedError);
    await settled('a rollback before the rollout');
    const begunAt = performance.now();
    expect(await rollOut(tag)).toBe('promoted');
    const tookMs = performance.now() - begunAt;
    await leave(tag);
    await settled('a rollback after the rollout');

    for (let round = 1; round <= 8; round += 1) {
      const delayMs = random() * 1.2 * tookMs;
      const rollout = rollOut(tag).catch((error: unknown) => error);
      await sleep(delayMs);
      await leave(tag);
      const outcome = await rollout;
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(QuarantinedError);
      else expect(['promoted', 'aborted']).toContain(outcome);
      await settled(`round ${String(round)}, a rollback after ${delayMs.toFixed(0)} ms`);
    }
    expect(await on.platform.verify(tag)).toMatchObject({ ok: true });
  });
});

const rollOut = async (tag: string): Promise<string> => {
  const override = 'the test wants it live';
  const run = await on.platform.promote(tag, 2, { reason: 'a race', override });
  return (await run.result()).outcome;
};

const leave = (tag: string) => on.platform.rollback(tag, { from: 2, reason: 'a race' });
