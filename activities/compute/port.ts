import type { Examined, JobObservation, JobRef, JobSpec } from '../../temporal/contracts/job.js';

export interface KeptJob {
  name: string;
  target: string;
  /** Workflow id of the run that made it. */
  owner: string;
  state: 'active' | 'ended';
}

/**
 * Runs jobs. Attempts are the platform's: a backend never retries on its own. Every method may be called again after a
 * crash at any point, by another process, and gives the same answer.
 */
export interface Compute {
  /**
   * Creates the job, or adopts the one of this name that the same owner made from the same spec. A finished job is
   * adopted too, so a result is never computed twice. Another owner's or another spec's job of this name is refused.
   * `seen` is the uid that an earlier call told: when no job of the name is there any more, that one was deleted and is not
   * begun again; its ref comes back, and it is observed as vanished.
   */
  ensure(job: JobSpec, seen?: string): Promise<JobRef>;
  observe(ref: JobRef): Promise<JobObservation>;
  /**
   * The job is gone, with all its processes, when this resolves. A job that is gone already is fine. A ref without a uid
   * means whatever job has the name.
   */
  cancel(ref: JobRef): Promise<void>;
  /** Every job that has not ended, for finding orphans; ended ones may be among them. */
  list(): Promise<KeptJob[]>;
  /** The last `tailBytes` bytes of what the job printed. */
  logs(ref: JobRef, tailBytes: number): Promise<string>;
  /**
   * Looks whether a job could be run now, and leaves nothing behind. What is not in order is a finding and no failure; it
   * is told within some fifteen seconds, and no secret is in it.
   */
  examine(): Promise<Examined[]>;
}
