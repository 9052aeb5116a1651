import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Examined, JobObservation, JobRef, JobSpec } from '../../temporal/contracts/job.js';
import { failure } from '../../temporal/errors.js';
import { DEFAULT_CLASSES, type ResourceClasses } from './classes.js';
import type { Compute, KeptJob } from './port.js';
import { readTail } from './process/capped-log.js';
import { createFile, hasCode } from './process/durable-files.js';
import { type EnvironmentOptions, jobEnvironment } from './process/environment.js';
import { examineMachine } from './process/examine.js';
import { withFailures } from './process/failures.js';
import { createOrAdopt } from './process/job-directory.js';
import { isFinished, readJob } from './process/job-state.js';
import { jobDirectory, jobFiles, type JobFiles } from './process/layout.js';
import { observeEnd, observeProgress } from './process/observation.js';
import type { Demand, JobRecord, Launch } from './process/records.js';
import { demandOf } from './process/resources.js';
import { type KnownJob, listActive, listJobs, removeExpired } from './process/retention.js';
import { Supervisors } from './process/supervisors.js';

export interface ProcessComputeOptions extends EnvironmentOptions {
  /** Absolute path of the jobs directory: on a local disk, shared by the workers of one machine and of nothing else. */
  readonly directory: string;
  /** What the jobs of this directory may use together. `gpu` defaults to 0. */
  readonly slots: { readonly cpu: number; readonly memoryMiB: number; readonly gpu?: number };
  /** What a job of a class takes unless it says otherwise. */
  readonly classes?: Partial<ResourceClasses>;
  /** Between SIGTERM and SIGKILL, milliseconds. @default 10_000 */
  readonly graceMs?: number;
  /** Output kept per job, bytes: how it began and how it ended. @default 10 MiB */
  readonly logCapBytes?: number;
  /** How long an ended job can be adopted and read, milliseconds. @default 7 days */
  readonly retentionMs?: number;
  /** The compiled supervisor. @default the one beside this file */
  readonly supervisorPath?: string;
}

export interface ProcessCompute extends Compute {
  /** Every job whose directory exists, in no order. */
  known(): Promise<KnownJob[]>;
  /** Removes the jobs that ended before the retention time and returns their names. */
  removeExpired(): Promise<string[]>;
}

export type { KnownJob } from './process/retention.js';

const CANCEL_MARGIN_MS = 30_000;
const POLL_MS = 50;
const DEFAULTS = {
  graceMs: 10_000,
  logCapBytes: 10 * 1024 * 1024,
  retentionMs: 7 * 24 * 60 * 60 * 1000,
} as const;

/**
 * Runs jobs as processes of this machine, each under a supervisor of its own that outlives the worker. Needs a POSIX
 * system; limits a job's memory on Linux only.
 */
export function createProcessCompute(options: ProcessComputeOptions): ProcessCompute {
  if (process.platform === 'win32') {
    throw failure(
      'Misconfigured',
      "compute target of kind 'process': expected Linux or macOS, got Windows; use WSL or another kind",
    );
  }
  return new LocalProcesses(options);
}

class LocalProcesses implements ProcessCompute {
  readonly #options: ProcessComputeOptions;
  readonly #slots: Demand;
  readonly #graceMs: number;
  readonly #supervisors: Supervisors;

  constructor(options: ProcessComputeOptions) {
    this.#options = options;
    this.#slots = { gpu: 0, ...options.slots };
    this.#graceMs = options.graceMs ?? DEFAULTS.graceMs;
    this.#supervisors = new Supervisors(
      options.supervisorPath ?? fileURLToPath(new URL('process/supervisor.js', import.meta.url)),
    );
  }

  ensure(spec: JobSpec, seen?: string): Promise<JobRef> {
    return this.#guarded(async () => {
      if ((await readJob(this.#files(spec.name))) === undefined) {
        if (seen !== undefined) return { name: spec.name, target: spec.target, uid: seen };
        // A job that exists is adopted also by a worker that could not start it.
        this.#refuseUnfit(spec);
      }
      await mkdir(this.#options.directory, { recursive: true });
      await mkdir(this.#options.home, { recursive: true });
      const job = await createOrAdopt(this.#options.directory, spec);
      if (!(await isFinished(this.#files(spec.name)))) await this.#superviseToRun(job);
      return { name: spec.name, target: spec.target, uid: job.uid };
    });
  }

  observe(ref: JobRef): Promise<JobObservation> {
    return this.#guarded(async () => {
      const job = await this.#find(ref);
      if (job === undefined)
        return {
          phase: 'vanished',
          detail: `no job ${ref.name} of uid ${ref.uid} is in ${this.#options.directory}: somebody deleted it, or a worker of another machine made it`,
        };
      const files = this.#files(ref.name);
      const ended = await observeEnd(job, files);
      if (ended !== undefined) return ended;
      await this.#superviseToRun(job);
      return (await observeEnd(job, files)) ?? observeProgress(files);
    });
  }

  cancel(ref: JobRef): Promise<void> {
    return this.#guarded(async () => {
      const files = this.#files(ref.name);
      if ((await this.#find(ref)) === undefined || (await isFinished(files))) return;
      await markCancelled(files);
      const until = performance.now() + this.#graceMs + CANCEL_MARGIN_MS;
      while (!(await isFinished(files))) {
        if (performance.now() >= until) throw notGone(ref);
        await this.#supervisors.ensure(this.#path(ref.name), () => ({ graceMs: this.#graceMs }));
        await sleep(POLL_MS);
        if ((await this.#find(ref)) === undefined) return;
      }
    });
  }

  logs(ref: JobRef, tailBytes: number): Promise<string> {
    return this.#guarded(async () => {
      if ((await this.#find(ref)) === undefined) return '';
      return readTail(this.#files(ref.name).log, tailBytes);
    });
  }

  list(): Promise<KeptJob[]> {
    return this.#guarded(() => listActive(this.#options.directory));
  }

  examine(): Promise<Examined[]> {
    return examineMachine(this.#options, this.#slots, this.#classes());
  }

  known(): Promise<KnownJob[]> {
    return this.#guarded(() => listJobs(this.#options.directory));
  }

  removeExpired(): Promise<string[]> {
    const { directory, retentionMs = DEFAULTS.retentionMs } = this.#options;
    return this.#guarded(() => removeExpired(directory, retentionMs));
  }

  /** Refusals that no later call could lift, before anything is created. */
  #refuseUnfit(spec: JobSpec): void {
    this.#launch({ spec, uid: '' });
  }

  async #superviseToRun(job: JobRecord): Promise<void> {
    await this.#supervisors.ensure(this.#path(job.spec.name), () => this.#launch(job));
  }

  #launch({ spec, uid }: Pick<JobRecord, 'spec' | 'uid'>): Launch {
    const { python, logCapBytes = DEFAULTS.logCapBytes } = this.#options;
    const demand = demandOf(spec, this.#classes(), this.#slots);
    const environment = jobEnvironment(this.#options, {
      spec,
      uid,
      demand,
      files: this.#files(spec.name),
    });
    const run = {
      command: commandOf(spec, python),
      environment,
      demand,
      slots: this.#slots,
      logCapBytes,
    };
    return { graceMs: this.#graceMs, run };
  }

  #classes(): ResourceClasses {
    return { ...DEFAULT_CLASSES, ...this.#options.classes };
  }

  /** The job of the ref's name, unless another was created under that name since. No uid: whatever job has the name. */
  async #find({ name, uid }: JobRef): Promise<JobRecord | undefined> {
    const job = await readJob(this.#files(name));
    return uid === '' || job?.uid === uid ? job : undefined;
  }

  #path(name: string): string {
    return jobDirectory(this.#options.directory, name);
  }

  #files(name: string): JobFiles {
    return jobFiles(this.#path(name));
  }

  #guarded<T>(act: () => Promise<T>): Promise<T> {
    return withFailures(this.#options.directory, act);
  }
}

function commandOf({ program, target }: JobSpec, python: string): string[] {
  if (program.kind === 'harness') return [python, '-m', 'modelyard', program.step];
  const message = `training.code.kind: 'image' needs a target that runs containers, and '${target}' runs processes`;
  throw failure('InvalidDefinition', message);
}

async function markCancelled(files: JobFiles): Promise<void> {
  try {
    await createFile(files.cancelled, { cancelledAtMs: Date.now() });
  } catch (error) {
    // Removed since: the job had ended.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function notGone({ name }: JobRef): Error {
  return failure(
    'ComputeUnavailable',
    `job ${name} still has processes after SIGKILL, or its end cannot be written; look at its supervisor.log`,
  );
}
