import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Compute, KeptJob } from '../activities/compute/port.js';
import type { JobFailure, JobObservation, JobRef, JobSpec } from '../temporal/contracts/job.js';
import { isFailure } from '../temporal/errors.js';
import { contractCases } from './contract-case.js';

/** What the program of a contract's job does, in this order. It stands in the job's document. */
export interface JobScript {
  /** Printed and flushed at once. */
  readonly prints?: string;
  readonly sleepsMs?: number;
  /** Published as result.json. */
  readonly publishes?: Readonly<Record<string, unknown>>;
  /** Published as failure.json. */
  readonly fails?: {
    readonly type: string;
    readonly message: string;
    readonly traceback: string | null;
  };
  /** @default 0 */
  readonly exitCode?: number;
}

/** An adapter with a backend of its own, whose jobs run a program that follows a JobScript. */
export interface ComputeUnderTest {
  readonly compute: Compute;
  /** The same backend as another worker sees it: nothing of `compute`'s memory. */
  readonly another: () => Promise<Compute>;
  /** A spec that the backend can run, of a name not used before. */
  readonly job: (script: JobScript, changes?: Partial<JobSpec>) => JobSpec;
  /** How often the program of this job has begun. */
  readonly timesRun: (job: JobSpec) => Promise<number>;
  readonly dispose: () => Promise<void>;
}

type Ended = Extract<JobObservation, { phase: 'succeeded' | 'failed' | 'vanished' }>;

const POLL_MS = 50;
const LIMIT_MS = 120_000;
const RESULT = { step: 'train', rows: 3 };
const LONG: JobScript = { prints: 'working\n', sleepsMs: 600_000, publishes: RESULT };

/** What every adapter of the compute port keeps. */
export const computeContract = contractCases<ComputeUnderTest>({
  'a job that publishes a result has succeeded with it': async ({ compute, job }) => {
    const ref = await compute.ensure(job({ publishes: RESULT }));
    deepEqual(await endOf(compute, ref), { phase: 'succeeded', result: RESULT });
  },

  'the same job asked for again and by another worker is one job, run once (S5, I8, F2)': async (
    subject,
  ) => {
    const spec = subject.job({ sleepsMs: 300, publishes: RESULT });
    const other = await subject.another();
    const refs = await Promise.all(
      [subject.compute, other, subject.compute, other].map((each) => each.ensure(spec)),
    );
    for (const ref of refs) deepEqual(ref, refs[0]);
    await endOf(other, first(refs));
    equal(await subject.timesRun(spec), 1);
  },

  'an ended job is adopted with its result and not run again (S5)': async (subject) => {
    const spec = subject.job({ publishes: RESULT });
    const ref = await subject.compute.ensure(spec);
    await endOf(subject.compute, ref);
    const other = await subject.another();
    deepEqual(await other.ensure(spec), ref);
    deepEqual(await other.observe(ref), { phase: 'succeeded', result: RESULT });
    equal(await subject.timesRun(spec), 1);
  },

  'a job that was seen and is gone is not begun again, whichever worker is told of it (F1, F15)':
    async (subject) => {
      const [there, gone] = [
        subject.job({ publishes: RESULT }),
        subject.job({ publishes: RESULT }),
      ];
      const ref = await subject.compute.ensure(there);
      await endOf(subject.compute, ref);
      const other = await subject.another();
      deepEqual(await other.ensure(there, ref.uid), ref);
      const missed = await other.ensure(gone, ref.uid);
      deepEqual(missed, { name: gone.name, target: gone.target, uid: ref.uid });
      equal((await other.observe(missed)).phase, 'vanished');
      equal(await subject.timesRun(gone), 0);
    },

  'the same request with a later deadline is the same job': async ({ compute, job }) => {
    const spec = job({ publishes: RESULT });
    const ref = await compute.ensure(spec);
    deepEqual(
      await compute.ensure({ ...spec, deadline: new Date(Date.now() + 7_200_000).toISOString() }),
      ref,
    );
  },

  "another owner's job of the same name is refused": async ({ compute, job }) => {
    const spec = job({ publishes: RESULT });
    await compute.ensure(spec);
    await rejects(compute.ensure({ ...spec, owner: 'retrain/other/run' }), isConflict);
  },

  'a job of the same name from another spec is refused': async ({ compute, job }) => {
    const spec = job({ publishes: RESULT });
    await compute.ensure(spec);
    await rejects(
      compute.ensure({ ...spec, document: { ...spec.document, params: { depth: 9 } } }),
      isConflict,
    );
  },

  "the user's exception comes back with type, message and traceback": async ({ compute, job }) => {
    const fails = {
      type: 'ValueError',
      message: 'no such column',
      traceback: 'Traceback …\nValueError',
    };
    const failure = await failureOf(compute, job({ prints: 'one\n', fails, exitCode: 70 }));
    equal(failure.cause, 'user-error');
    equal(failure.exitCode, 70);
    deepEqual(
      { type: failure.type, message: failure.message, traceback: failure.traceback },
      fails,
    );
    match(failure.logTail, /one/);
  },

  'each exit code has the cause of the job contract': async ({ compute, job }) => {
    const causes = {
      64: 'user-error',
      79: 'user-error',
      75: 'temporary',
      76: 'integrity',
      137: 'out-of-memory',
      143: 'interrupted',
      1: 'crashed',
    };
    for (const [code, cause] of Object.entries(causes)) {
      const failure = await failureOf(compute, job({ publishes: RESULT, exitCode: Number(code) }));
      equal(failure.cause, cause, `exit code ${code}`);
    }
  },

  'a job that ends well without a result has failed by it': async ({ compute, job }) => {
    equal((await failureOf(compute, job({}))).cause, 'bad-result');
  },

  'a job over its time is ended and says so (F17)': async ({ compute, job }) => {
    equal((await failureOf(compute, job(LONG, { timeoutMs: 1500 }))).cause, 'deadline');
  },

  'a running job is running, with what it printed last': async ({ compute, job }) => {
    const ref = await compute.ensure(job(LONG));
    match(await runningDetail(compute, ref), /working/);
    await compute.cancel(ref);
  },

  'a cancelled job has ended, can be cancelled again, and is never started again (F3, F33)': async (
    subject,
  ) => {
    const { compute } = subject;
    const spec = subject.job(LONG);
    const ref = await compute.ensure(spec);
    await runningDetail(compute, ref);
    await compute.cancel(ref);
    const ended = await compute.observe(ref);
    ok(
      ended.phase === 'failed' || ended.phase === 'vanished',
      `expected an end, got ${ended.phase}`,
    );
    await compute.cancel(ref);
    await (await subject.another()).cancel(ref);
    equal(await subject.timesRun(spec), 1);
  },

  'a job is cancelled by its name alone when the ref has no uid (F2, F33)': async ({
    compute,
    job,
  }) => {
    const ref = await compute.ensure(job(LONG));
    await runningDetail(compute, ref);
    await compute.cancel({ ...ref, uid: '' });
    const { phase } = await compute.observe(ref);
    ok(phase === 'failed' || phase === 'vanished', `expected an end, got ${phase}`);
  },

  'a job is listed as active with its owner until it has ended (F33)': async (subject) => {
    const { compute } = subject;
    const [running, done] = [subject.job(LONG), subject.job({ publishes: RESULT })];
    const ref = await compute.ensure(running);
    await endOf(compute, await compute.ensure(done));
    await runningDetail(compute, ref);
    const active = async (): Promise<KeptJob[]> => {
      const kept = await (await subject.another()).list();
      return kept.filter(
        ({ name, state }) => state === 'active' && [running.name, done.name].includes(name),
      );
    };
    const { name, target, owner } = running;
    deepEqual(await active(), [{ name, target, owner, state: 'active' }]);
    await compute.cancel({ name, target, uid: '' });
    deepEqual(await active(), []);
  },

  'cancelling leaves the result of an ended job as it is': async ({ compute, job }) => {
    const ref = await compute.ensure(job({ publishes: RESULT }));
    const ended = await endOf(compute, ref);
    await compute.cancel(ref);
    deepEqual(await compute.observe(ref), ended);
  },

  'a job that was never there is observed as vanished and can be cancelled': async ({
    compute,
    job,
  }) => {
    const ref: JobRef = { name: job({}).name, target: 'default', uid: 'never' };
    equal((await compute.observe(ref)).phase, 'vanished');
    await compute.cancel(ref);
    equal(await compute.logs(ref, 100), '');
  },

  'a target that is in order is found in order, time and again, and no job comes of it (S12)':
    async ({ compute }) => {
      for (const _ of [1, 2]) {
        const found = await compute.examine();
        ok(found.length > 0, 'expected something to be looked at');
        deepEqual(
          found.filter((each) => !each.ok),
          [],
        );
      }
      deepEqual(await compute.list(), []);
    },

  'the log is the last bytes of what the job printed': async ({ compute, job }) => {
    const ref = await compute.ensure(job({ prints: 'first line\nlast line\n', publishes: RESULT }));
    await endOf(compute, ref);
    equal(await compute.logs(ref, 10), 'last line\n');
    match(await compute.logs(ref, 4096), /first line\nlast line\n/);
  },
});

/** Waits for the job's end. */
async function endOf(compute: Compute, ref: JobRef): Promise<Ended> {
  return until(async () => {
    const seen = await compute.observe(ref);
    return seen.phase === 'succeeded' || seen.phase === 'failed' || seen.phase === 'vanished'
      ? seen
      : undefined;
  });
}

async function failureOf(compute: Compute, spec: JobSpec): Promise<JobFailure> {
  const ended = await endOf(compute, await compute.ensure(spec));
  ok(ended.phase === 'failed', `expected a failed job, got ${JSON.stringify(ended)}`);
  notEqual(ended.failure.message, '');
  ok(Buffer.byteLength(ended.failure.logTail) <= 4096, 'expected at most 4096 bytes of log');
  return ended.failure;
}

/** Waits until the job runs and has printed. */
async function runningDetail(compute: Compute, ref: JobRef): Promise<string> {
  return until(async () => {
    const seen = await compute.observe(ref);
    ok(
      seen.phase !== 'failed' && seen.phase !== 'succeeded',
      `expected a running job, got ${JSON.stringify(seen)}`,
    );
    return seen.phase === 'running' && (await compute.logs(ref, 100)) !== ''
      ? seen.detail
      : undefined;
  });
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await sleep(POLL_MS);
  }
  throw new Error(`expected the job to get on within ${String(LIMIT_MS)} ms`);
}

function first<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined) throw new Error('expected at least one value, got none');
  return value;
}

const isConflict = (error: unknown): boolean => isFailure(error, 'JobConflict');
