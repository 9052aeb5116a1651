import type { Moment } from '../../../activities/compute/process/supervision.js';
import type { ProcessComputeOptions } from '../../../activities/compute/process.js';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import type { Compiled } from './compiled.js';

export const DIES = "process.kill(process.pid, 'SIGKILL')";
export const CANCELS = "writeFileSync(join(directory, 'cancelled.json'), '{}')";

/** A supervisor of the sources' own steps that does something else at a moment, once per job. */
export function supervisorThat(
  compiled: Compiled,
  { moment, does }: { moment: Moment; does: string },
): string {
  return compiled.script(
    `supervisor-${moment}`,
    `import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { Launch } from './activities/compute/process/records.js';
import { supervise } from './activities/compute/process/supervise.js';

const directory = process.argv[2];
const done = join(directory, 'done-once');
const at = (moment) => {
  if (moment !== ${JSON.stringify(moment)} || existsSync(done)) return;
  writeFileSync(done, '');
  ${does};
};
const launch = Launch.parse(await json(process.stdin));
await supervise(directory, launch, { root: dirname(directory), stop: new AbortController().signal, at });
process.exit(0);
`,
  );
}

/** A worker: ensures the jobs given to it, all at once, says so, and stays until it is killed. */
export function workerScript(compiled: Compiled): string {
  return compiled.script(
    'worker',
    `import { createProcessCompute } from './activities/compute/process.js';
const { options, jobs } = JSON.parse(process.argv[2]);
const compute = createProcessCompute({ ...options, secrets: () => undefined });
const refs = await Promise.all(jobs.map((job) => compute.ensure(job)));
console.log(JSON.stringify(refs));
setInterval(() => {}, 1000);
`,
  );
}

export const workerArgument = (options: ProcessComputeOptions, jobs: JobSpec[]): string =>
  JSON.stringify({ options, jobs });
