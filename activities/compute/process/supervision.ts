import type { JobFiles } from './layout.js';
import type { ExitRecord, JobRecord } from './records.js';

/** The moments between which a supervisor may die; each is passed at most once per supervisor. */
export type Moment =
  | 'claimed'
  | 'queued'
  | 'admitted'
  | 'held'
  | 'recorded'
  | 'released'
  | 'ending'
  | 'exited'
  | 'finished';

export interface Supervision {
  readonly root: string;
  readonly files: JobFiles;
  readonly job: JobRecord;
  readonly generation: number;
  readonly graceMs: number;
  /** Aborted when the supervisor itself is asked to stop. */
  readonly stop: AbortSignal;
  readonly at: (moment: Moment) => void;
}

export type Finish = Omit<ExitRecord, 'schema' | 'finishedAtMs'>;

export function notStarted(ending: Finish['ending'], message: string): Finish {
  return { ending, message, exitCode: null, signal: null, oomKillSeen: null, startedAtMs: null };
}
