import { join } from 'node:path';

/** Where things stand below the jobs directory. Job names never begin with a dot, so they cannot meet the others. */
export const jobDirectory = (root: string, name: string): string => join(root, name);
export const buildDirectory = (root: string): string => join(root, '.new');
export const trashDirectory = (root: string): string => join(root, '.trash');
export const queueFile = (root: string): string => join(root, '.queue.sqlite');

/** The files of one job. Its worker writes `record`, `input` and `cancelled`; its supervisor everything else. */
export interface JobFiles {
  /** JobRecord: what the job is and who owns it. */
  readonly record: string;
  readonly input: string;
  /** Claims 1, 2, …: which process supervises. */
  readonly claims: string;
  /** WaitRecord, while the job waits for a slot. */
  readonly waiting: string;
  /** ProcessRecord: present before the job's first instruction runs. */
  readonly process: string;
  readonly cancelled: string;
  /** ExitRecord: written once, when no process of the job is left. */
  readonly exit: string;
  readonly log: string;
  readonly output: string;
  readonly scratch: string;
  readonly supervisorLog: string;
}

export function jobFiles(directory: string): JobFiles {
  return {
    record: join(directory, 'spec.json'),
    input: join(directory, 'input.json'),
    claims: join(directory, 'claims'),
    waiting: join(directory, 'waiting.json'),
    process: join(directory, 'process.json'),
    cancelled: join(directory, 'cancelled.json'),
    exit: join(directory, 'exit.json'),
    log: join(directory, 'log'),
    output: join(directory, 'output'),
    scratch: join(directory, 'scratch'),
    supervisorLog: join(directory, 'supervisor.log'),
  };
}
