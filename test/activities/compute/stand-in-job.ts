import { randomUUID } from 'node:crypto';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import type { JobScript } from '../../../testing/compute-contract.js';

/** What the stand-in program can do beyond the contract's script. */
export interface StandInScript extends JobScript {
  readonly ignoresTerm?: boolean;
  /** Descendants that outlive it: each in the job's session (false) or in one of its own (true). */
  readonly leaves?: readonly boolean[];
  readonly allocatesMiB?: number;
  readonly warns?: string;
  readonly printsKiB?: number;
  /** A file that must exist before it goes on. */
  readonly waitsFor?: string;
  /** Another, waited for after it has published. */
  readonly thenWaitsFor?: string;
  readonly publishesEnvironment?: boolean;
  readonly publishesText?: string;
  readonly killsItselfBy?: number;
  /** Left in the artifact store, and only named in the termination message. */
  readonly leavesResult?: Readonly<Record<string, unknown>>;
}

/** A job whose program follows the script and notes in the file `events` that it began. */
export function standInJob(
  script: StandInScript,
  events: string,
  changes: Partial<JobSpec>,
): JobSpec {
  const name = changes.name ?? `job-${randomUUID()}`;
  return {
    name,
    target: 'default',
    owner: 'retrain/flight-delay/run',
    tag: 'flight-delay',
    program: { kind: 'harness', step: 'train' },
    document: { job: name, events, script },
    resources: { class: 'cpu' },
    tier: 'standard',
    secrets: {},
    timeoutMs: 600_000,
    deadline: new Date(Date.now() + 3_600_000).toISOString(),
    ...changes,
  };
}
