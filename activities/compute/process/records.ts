import { z } from 'zod';
import { JobSpec } from '../../../temporal/contracts/job.js';
import { Digest } from '../../../temporal/contracts/scalars.js';

/** A process id alone is reused by the system; with the moment the process began it names one process. */
export const ProcessIdentity = z.object({ pid: z.int().positive(), startTime: z.string().min(1) });
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

export const JobRecord = z.object({
  schema: z.literal(1),
  uid: z.string().min(1),
  createdAtMs: z.int(),
  digest: Digest,
  spec: JobSpec,
});
export type JobRecord = z.infer<typeof JobRecord>;

export const Demand = z.object({
  cpu: z.number().positive(),
  memoryMiB: z.int().positive(),
  gpu: z.int().nonnegative(),
});
export type Demand = z.infer<typeof Demand>;

/** '1 cpu, 1024 MiB', with the gpus when there are any. */
export function sayDemand({ cpu, memoryMiB, gpu }: Demand): string {
  const gpus = gpu > 0 ? `, ${String(gpu)} gpu` : '';
  return `${String(cpu)} cpu, ${String(memoryMiB)} MiB${gpus}`;
}

export const WaitRecord = z.object({ detail: z.string() });

export const ProcessRecord = ProcessIdentity.extend({ startedAtMs: z.int() });
export type ProcessRecord = z.infer<typeof ProcessRecord>;

/** Who ended the job: itself ('exited') or its supervisor, and then why. */
export const Ending = z.enum([
  'exited',
  'deadline',
  'cancelled',
  'out-of-memory',
  'interrupted',
  'disrupted',
  'start-failed',
  'disk-full',
]);
export type Ending = z.infer<typeof Ending>;

export const ExitRecord = z.object({
  schema: z.literal(1),
  ending: Ending,
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  /** The kernel's out-of-memory killer struck during the job; null where the system does not say. */
  oomKillSeen: z.boolean().nullable(),
  message: z.string(),
  startedAtMs: z.int().nullable(),
  finishedAtMs: z.int(),
});
export type ExitRecord = z.infer<typeof ExitRecord>;

/**
 * What a worker tells a supervisor over its standard input, never by file or argument: it holds secrets. `run` is absent
 * when the supervisor may only end the job.
 */
export const Launch = z.object({
  graceMs: z.int().nonnegative(),
  run: z
    .object({
      command: z.array(z.string()).min(1),
      environment: z.record(z.string(), z.string()),
      demand: Demand,
      slots: Demand,
      logCapBytes: z.int().positive(),
    })
    .optional(),
});
export type Launch = z.infer<typeof Launch>;
export type Run = NonNullable<Launch['run']>;
