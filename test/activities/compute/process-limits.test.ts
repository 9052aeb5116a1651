import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProcessCompute } from '../../../activities/compute/process.js';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { compile, type Compiled } from './compiled.js';
import { begun, livingOf, makeStand, type Stand } from './stand.js';
import type { StandInScript } from './stand-in-job.js';

const RESULT = { rows: 3 };
const ENDLESS: StandInScript = { sleepsMs: 600_000 };
let compiled: Compiled;
let stand: Stand;
beforeAll(() => {
  compiled = compile();
});
afterAll(() => {
  compiled[Symbol.dispose]();
});
beforeEach(async () => {
  stand = await makeStand(compiled, { slots: { cpu: 2, memoryMiB: 8192, gpu: 2 }, graceMs: 300 });
});
afterEach(() => stand.dispose());

describe('time', () => {
  it('kills a job that ignores SIGTERM, with its descendants (F17, I10)', async () => {
    const job = stand.job(
      { ...ENDLESS, ignoresTerm: true, leaves: [false, true] },
      { timeoutMs: 1500 },
    );
    expect(await endOf(job)).toMatchObject({
      phase: 'failed',
      failure: { cause: 'deadline', signal: 'SIGKILL' },
    });
    expect(await livingOf(stand, job, 3)).toEqual([]);
  });

  it('ends a running job at its absolute deadline', async () => {
    const deadline = new Date(Date.now() + 1500).toISOString();
    const end = await endOf(stand.job(ENDLESS, { deadline }));
    expect(end).toMatchObject({
      phase: 'failed',
      failure: { cause: 'deadline', signal: 'SIGTERM' },
    });
  });

  it('ends the waiting of a job that got no turn before its deadline, unrun', async () => {
    await begun(stand, stand.job(ENDLESS, { resources: { class: 'cpu', cpu: 2 } }));
    const job = stand.job(
      { publishes: RESULT },
      { deadline: new Date(Date.now() + 800).toISOString() },
    );
    expect(await endOf(job)).toMatchObject({
      phase: 'failed',
      failure: {
        cause: 'deadline',
        message: expect.stringContaining('waiting for 1 cpu, 2048 MiB; 0 ahead') as string,
      },
    });
    expect(await stand.timesRun(job)).toBe(0);
  });
});

describe('processes', () => {
  it('that a job leaves behind are gone before its end is told, also those in a session of their own (I10)', async () => {
    const job = stand.job({ leaves: [false, true], publishes: RESULT });
    expect(await endOf(job)).toEqual({ phase: 'succeeded', result: RESULT });
    expect(await livingOf(stand, job, 3)).toEqual([]);
  });

  it('killed by someone else are interrupted where the kernel tells of no out-of-memory kill', async () => {
    expect(await endOf(stand.job({ killsItselfBy: 9 }))).toMatchObject({
      phase: 'failed',
      failure: {
        cause: process.platform === 'linux' ? 'interrupted' : 'out-of-memory',
        signal: 'SIGKILL',
      },
    });
  });

  it('that crash by a signal are crashed', async () => {
    expect(await endOf(stand.job({ killsItselfBy: 11 }))).toMatchObject({
      phase: 'failed',
      failure: { cause: 'crashed', signal: 'SIGSEGV' },
    });
  });

  it('whose program is not there fail to start, with what the system said', async () => {
    const compute = createProcessCompute({ ...stand.options, python: '/nowhere/python' });
    const ref = await compute.ensure(stand.job({}));
    expect(await stand.end(ref, compute)).toMatchObject({
      phase: 'failed',
      failure: {
        cause: 'start-failed',
        logTail: expect.stringContaining('/nowhere/python') as string,
      },
    });
  });

  it.runIf(process.platform === 'linux')(
    'that use far more memory than their slot are ended as out of memory (F15)',
    async () => {
      const job = stand.job(
        { ...ENDLESS, allocatesMiB: 200 },
        { resources: { class: 'cpu', memoryMiB: 100 } },
      );
      expect(await endOf(job)).toMatchObject({
        phase: 'failed',
        failure: {
          cause: 'out-of-memory',
          message: expect.stringContaining('(was 100)') as string,
        },
      });
    },
  );
});

describe('results', () => {
  it.each([
    ['NaN instead of a number', '{"auc": NaN}'],
    ['no object', '[1]'],
    ['more than a history can hold', JSON.stringify({ text: 'x'.repeat(1024 * 1024) })],
  ])('with %s are bad results (F21, F23)', async (_, publishesText) => {
    expect(await endOf(stand.job({ publishesText }))).toMatchObject({
      phase: 'failed',
      failure: { cause: 'bad-result' },
    });
  });
});

describe('output', () => {
  it('over the cap keeps how it began and how it ended, and stays on disk below the cap', async () => {
    const compute = createProcessCompute({ ...stand.options, logCapBytes: 64 * 1024 });
    const job = stand.job({
      prints: 'the beginning\n',
      printsKiB: 500,
      fails: { type: 'E', message: 'm', traceback: null },
      exitCode: 70,
    });
    const ref = await compute.ensure(job);
    await stand.end(ref, compute);
    const log = await compute.logs(ref, 1_000_000);
    expect(log).toMatch(/^the beginning\n/);
    expect(log).toContain('[output left out: over the cap]');
    expect(log).toMatch(/x{1023}\n$/);
    expect(log.length).toBeLessThanOrEqual(64 * 1024 + 100);
  });

  it('of both streams is one log', async () => {
    const ref = await stand.compute.ensure(
      stand.job({ prints: 'to stdout\n', warns: 'to stderr\n', publishes: RESULT }),
    );
    await stand.end(ref);
    expect(await stand.compute.logs(ref, 1000)).toBe('to stdout\nto stderr\n');
  });
});

describe('images', () => {
  it('are refused with the kind of target they need', async () => {
    const job = stand.job(
      {},
      { program: { kind: 'image', image: 'trainer@sha256:00', step: 'train' } },
    );
    await expect(stand.compute.ensure(job)).rejects.toMatchObject({
      type: 'InvalidDefinition',
      message: expect.stringContaining("'image'") as string,
    });
  });
});

async function endOf(job: JobSpec) {
  return stand.end(await stand.compute.ensure(job));
}
