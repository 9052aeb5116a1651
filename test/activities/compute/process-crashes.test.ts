import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProcessCompute } from '../../../activities/compute/process.js';
import { liveClaim } from '../../../activities/compute/process/claims.js';
import { createOrAdopt } from '../../../activities/compute/process/job-directory.js';
import type { Moment } from '../../../activities/compute/process/supervision.js';
import type { JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { compile, type Compiled } from './compiled.js';
import { CANCELS, DIES, supervisorThat, workerArgument, workerScript } from './scripts.js';
import { begun, kill, livingOf, makeStand, retrying, type Stand, until } from './stand.js';

const RESULT = { rows: 3 };
let compiled: Compiled;
let stand: Stand;
beforeAll(() => {
  compiled = compile();
});
afterAll(() => {
  compiled[Symbol.dispose]();
});
beforeEach(async () => {
  stand = await makeStand(compiled);
});
afterEach(() => stand.dispose());

describe('a worker that is killed', () => {
  it('leaves a job that goes on and is adopted with its result (F1, F2, I8, S5)', async () => {
    const gate = join(stand.options.home, '..', 'go-on');
    const job = stand.job({ waitsFor: gate, publishes: RESULT });
    const worker = await startWorker([job]);
    await until(async () => ((await stand.timesRun(job)) === 1 ? true : undefined));
    worker.process.kill('SIGKILL');
    await once(worker.process, 'exit');

    const ref = await stand.compute.ensure(job);
    expect(worker.refs).toEqual([ref]);
    expect((await stand.compute.observe(ref)).phase).toBe('running');
    await writeFile(gate, '');
    expect(await stand.end(ref)).toEqual({ phase: 'succeeded', result: RESULT });
    expect(await stand.timesRun(job)).toBe(1);
  });

  it('before it started a supervisor leaves a job that the next observation starts (F2)', async () => {
    const job = stand.job({ publishes: RESULT });
    await mkdir(stand.options.directory, { recursive: true });
    const { uid } = await createOrAdopt(stand.options.directory, job);
    expect(await stand.end({ name: job.name, target: job.target, uid })).toEqual({
      phase: 'succeeded',
      result: RESULT,
    });
    expect(await stand.timesRun(job)).toBe(1);
  });
});

describe('a job whose directory somebody deleted', () => {
  it('is missed by a worker that was told of it, and not begun again (F1, F15)', async () => {
    const job = stand.job({ publishes: RESULT });
    const ref = await stand.compute.ensure(job);
    await stand.end(ref);
    await rm(join(stand.options.directory, job.name), { recursive: true });
    const restarted = createProcessCompute(stand.options);
    expect(await restarted.ensure(job, ref.uid)).toEqual(ref);
    expect(await restarted.observe(ref)).toMatchObject({
      phase: 'vanished',
      detail: expect.stringContaining('somebody deleted it') as string,
    });
    expect(await stand.timesRun(job)).toBe(1);
  });
});

describe('two workers that ask a hundred times at once', () => {
  it('get one job that runs once (F7, I8)', async () => {
    const job = stand.job({ sleepsMs: 200, publishes: RESULT });
    const fifty = Array.from({ length: 50 }, () => job);
    const workers = await Promise.all([startWorker(fifty), startWorker(fifty)]);
    for (const { process } of workers) process.kill('SIGKILL');

    const uids = new Set(workers.flatMap(({ refs }) => refs.map(({ uid }) => uid)));
    const [uid = ''] = uids;
    expect(uids.size).toBe(1);
    expect((await stand.end({ name: job.name, target: job.target, uid })).phase).toBe('succeeded');
    expect(await stand.timesRun(job)).toBe(1);
  });
});

describe('a supervisor that is killed', () => {
  it.each<Moment>(['claimed', 'queued', 'admitted', 'held'])(
    'when %s is replaced, and the job runs once (F2, I8)',
    async (moment) => {
      const { job, end } = await runUnderMortal(moment, { publishes: RESULT });
      expect(end).toEqual({ phase: 'succeeded', result: RESULT });
      expect(await stand.timesRun(job)).toBe(1);
    },
  );

  it('when the job is recorded but not released ends the job unrun, as disrupted (I8)', async () => {
    const { job, end } = await runUnderMortal('recorded', { publishes: RESULT });
    expect(end).toMatchObject({ phase: 'failed', failure: { cause: 'disrupted' } });
    expect(await stand.timesRun(job)).toBe(0);
  });

  it('when the job is released takes the job with it, never to run again (I8, I10)', async () => {
    const { job, end } = await runUnderMortal('released', { sleepsMs: 600_000 });
    expect(end).toMatchObject({ phase: 'failed', failure: { cause: 'disrupted' } });
    expect(await stand.timesRun(job)).toBeLessThanOrEqual(1);
    expect(await livingOf(stand, job)).toEqual([]);
  });

  it.each<Moment>(['ending', 'exited', 'finished'])(
    'when the job was %s still yields the result that was published (S5, I8)',
    async (moment) => {
      const { job, end } = await runUnderMortal(moment, { publishes: RESULT });
      expect(end).toEqual({ phase: 'succeeded', result: RESULT });
      expect(await stand.timesRun(job)).toBe(1);
    },
  );
});

describe('a job that is cancelled', () => {
  it('after its process is recorded and before it is released never runs (F33, I8)', async () => {
    const supervisorPath = supervisorThat(compiled, { moment: 'recorded', does: CANCELS });
    const compute = createProcessCompute({ ...stand.options, supervisorPath });
    const job = stand.job({ publishes: RESULT });
    expect(await stand.end(await compute.ensure(job), compute)).toMatchObject({
      phase: 'failed',
      failure: { message: expect.stringContaining('before it was started') as string },
    });
    expect(await stand.timesRun(job)).toBe(0);
  });
});

describe('a supervisor that is killed while its job runs', () => {
  it('is seen by the next observation, which ends the job and its descendants (F1, I10)', async () => {
    const job = stand.job({ sleepsMs: 600_000, leaves: [false, true], ignoresTerm: true });
    const ref = await begun(stand, job);
    await killSupervisor(job);

    expect(await stand.end(ref)).toMatchObject({
      phase: 'failed',
      failure: { cause: 'disrupted' },
    });
    expect(await livingOf(stand, job, 3)).toEqual([]);
  });

  it('does not keep a job from being cancelled (F33, I10)', async () => {
    const job = stand.job({ sleepsMs: 600_000, leaves: [false] });
    const ref = await begun(stand, job);
    await killSupervisor(job);

    await stand.compute.cancel(ref);
    expect(await livingOf(stand, job, 2)).toEqual([]);
    expect(await stand.compute.observe(ref)).toMatchObject({
      phase: 'failed',
      failure: { cause: 'interrupted', message: expect.stringContaining('cancelled') as string },
    });
  });
});

describe('a supervisor that always dies', () => {
  it('makes its job fail to start after ten times, with the reason', async () => {
    const script = compiled.script('always-dies', dyingSupervisor);
    const compute = createProcessCompute({ ...stand.options, supervisorPath: script });
    const job = stand.job({ publishes: RESULT });
    await until(async () => {
      await compute.ensure(job).catch(() => undefined);
      return (await readdir(stand.files(job).claims)).includes('10.json') ? true : undefined;
    });
    const adopted = await stand.compute.ensure(job);
    expect(await stand.end(adopted)).toMatchObject({
      phase: 'failed',
      failure: { cause: 'start-failed' },
    });
    expect(await stand.timesRun(job)).toBe(0);
  });
});

describe('a supervisor that is told to stop', () => {
  it('ends its job and reports it as interrupted', async () => {
    const job = stand.job({ sleepsMs: 600_000 });
    const ref = await begun(stand, job);
    process.kill(await supervisorOf(job), 'SIGTERM');
    expect(await stand.end(ref)).toMatchObject({
      phase: 'failed',
      failure: { cause: 'interrupted' },
    });
    expect(await livingOf(stand, job, 1)).toEqual([]);
  });
});

describe('a job directory that was replaced', () => {
  it("makes the old job's reference vanish instead of answering for another job", async () => {
    const job = stand.job({ publishes: RESULT });
    const ref = await stand.compute.ensure(job);
    await stand.end(ref);
    await rename(join(stand.options.directory, job.name), join(stand.options.directory, '.moved'));
    expect((await stand.compute.observe(ref)).phase).toBe('vanished');
    const again = await stand.compute.ensure(job);
    expect(again.uid).not.toBe(ref.uid);
    expect((await stand.compute.observe(ref)).phase).toBe('vanished');
    await stand.compute.cancel(ref);
    expect(await stand.end(again)).toEqual({ phase: 'succeeded', result: RESULT });
  });
});

const dyingSupervisor = `import { json } from 'node:stream/consumers';
import { join } from 'node:path';
import { takeClaim } from './activities/compute/process/claims.js';
await json(process.stdin);
await takeClaim(join(process.argv[2], 'claims'));
process.kill(process.pid, 'SIGKILL');
`;

async function runUnderMortal(moment: Moment, script: Parameters<Stand['job']>[0]) {
  const compute = createProcessCompute({
    ...stand.options,
    supervisorPath: supervisorThat(compiled, { moment, does: DIES }),
  });
  const job = stand.job(script);
  const ref = await retrying(() => compute.ensure(job));
  const end = await stand.end(ref, compute);
  expect(existsSync(join(stand.options.directory, job.name, 'done-once'))).toBe(true);
  return { job, end };
}

async function startWorker(jobs: JobSpec[]) {
  const child = spawn(
    process.execPath,
    [workerScript(compiled), workerArgument(stand.options, jobs)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, refs: JSON.parse(line.toString()) as JobRef[] };
}

async function killSupervisor(job: JobSpec): Promise<void> {
  kill(await supervisorOf(job));
  await until(async () =>
    (await liveClaim(stand.files(job).claims)) === undefined ? true : undefined,
  );
}

async function supervisorOf(job: JobSpec): Promise<number> {
  const claim = await liveClaim(stand.files(job).claims);
  if (claim === undefined) throw new Error('expected a living supervisor, got none');
  return claim.holder.pid;
}
