import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createProcessCompute,
  type ProcessCompute,
  type ProcessComputeOptions,
} from '../../../activities/compute/process.js';
import { liveClaim } from '../../../activities/compute/process/claims.js';
import { killProcesses } from '../../../activities/compute/process/job-processes.js';
import { readProcess } from '../../../activities/compute/process/job-state.js';
import {
  jobDirectory,
  jobFiles,
  type JobFiles,
} from '../../../activities/compute/process/layout.js';
import { identityOf } from '../../../activities/compute/process/process-table.js';
import type { JobObservation, JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { isFailure } from '../../../temporal/errors.js';
import type { ComputeUnderTest } from '../../../testing/compute-contract.js';
import type { Compiled } from './compiled.js';
import { standInJob, type StandInScript } from './stand-in-job.js';

const PYTHON = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim();

export interface Stand extends ComputeUnderTest {
  readonly compute: ProcessCompute;
  readonly options: ProcessComputeOptions;
  readonly job: (script: StandInScript, changes?: Partial<JobSpec>) => JobSpec;
  readonly files: (job: Pick<JobSpec, 'name'>) => JobFiles;
  /** 'begin', 'leaves' (a descendant) and 'end' of the jobs' programs, oldest first. */
  readonly events: () => Promise<{ event: string; job: string; pid: number }[]>;
  readonly end: (ref: JobRef, compute?: ProcessCompute) => Promise<JobObservation>;
}

export async function makeStand(
  compiled: Compiled,
  changes: Partial<ProcessComputeOptions> = {},
): Promise<Stand> {
  const base = await mkdtemp(join(tmpdir(), 'modelyard-compute-'));
  const options = { ...optionsIn(base, compiled), ...changes };
  const compute = createProcessCompute(options);
  const eventsFile = join(base, 'events');
  const files = ({ name }: Pick<JobSpec, 'name'>): JobFiles =>
    jobFiles(jobDirectory(options.directory, name));
  const events = () => readEvents(eventsFile);
  return {
    compute,
    options,
    files,
    events,
    another: () => Promise.resolve(createProcessCompute(options)),
    job: (script, own = {}) => standInJob(script, eventsFile, own),
    timesRun: async ({ name }) =>
      (await events()).filter(({ event, job }) => event === 'begin' && job === name).length,
    end: (ref, by = compute) => endOf(by, ref),
    dispose: () => dispose(compute, base, files),
  };
}

function optionsIn(base: string, compiled: Compiled): ProcessComputeOptions {
  return {
    directory: join(base, 'jobs'),
    python: PYTHON,
    harness: fileURLToPath(new URL('stand-in', import.meta.url)),
    home: join(base, 'home'),
    registry: { trackingUri: 'http://127.0.0.1:5000', env: {} },
    slots: { cpu: 8, memoryMiB: 65_536 },
    graceMs: 2000,
    secrets: () => undefined,
    supervisorPath: join(compiled.directory, 'activities/compute/process/supervisor.js'),
  };
}

async function readEvents(file: string): Promise<{ event: string; job: string; pid: number }[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [event = '', job = '', pid] = line.split(' ');
      return { event, job, pid: Number(pid) };
    });
}

async function endOf(compute: ProcessCompute, ref: JobRef): Promise<JobObservation> {
  return until(async () => {
    const seen = await retrying(() => compute.observe(ref));
    return ['succeeded', 'failed', 'vanished'].includes(seen.phase) ? seen : undefined;
  });
}

/** As Temporal does with an activity: a retryable failure is followed by another try. */
export async function retrying<T>(act: () => Promise<T>): Promise<T> {
  return until(async () => {
    try {
      return await act();
    } catch (error) {
      if (isFailure(error, 'ComputeUnavailable')) return undefined;
      throw error;
    }
  });
}

export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await sleep(30);
  }
  throw new Error('expected it within a minute');
}

/** Leaves no process behind, also when a test failed half-way. */
async function dispose(
  compute: ProcessCompute,
  base: string,
  files: Stand['files'],
): Promise<void> {
  for (const { name, uid } of await compute.known().catch(() => [])) {
    const claim = await liveClaim(files({ name }).claims);
    if (claim !== undefined) kill(claim.holder.pid);
    const leader = await readProcess(files({ name }));
    if (leader !== undefined) await killProcesses({ leader, uid });
  }
  await rm(base, { recursive: true, force: true, maxRetries: 3 });
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Ids of the processes that the job's program told of, itself and its descendants, and that live. */
export async function livingOf(stand: Stand, job: JobSpec, told = 0): Promise<number[]> {
  const pids = (await stand.events())
    .filter((line) => line.job === job.name && line.event !== 'end')
    .map(({ pid }) => pid);
  if (pids.length < told)
    throw new Error(`expected at least ${String(told)} processes, got ${pids.join(', ')}`);
  const living = await Promise.all(
    pids.map(async (pid) => ((await identityOf(pid)) === undefined ? [] : [pid])),
  );
  return living.flat();
}

/** Waits until the job's program has begun and told of the descendants it leaves. */
export async function begun(stand: Stand, job: JobSpec): Promise<JobRef> {
  const { leaves = [] } = job.document['script'] as StandInScript;
  const ref = await stand.compute.ensure(job);
  await until(async () => {
    const own = (await stand.events()).filter((line) => line.job === job.name);
    return own.length > leaves.length ? true : undefined;
  });
  return ref;
}
