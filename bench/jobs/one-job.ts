import { proxyActivities } from '@temporalio/workflow';
import type { ComputeActivities, JobEnd } from '../../dist/activities/compute/activities.js';
import type { JobSpec } from '../../dist/temporal/contracts/job.js';

/** As workflows/proxies.ts has it. */
const { runJob } = proxyActivities<ComputeActivities>({
  startToCloseTimeout: '60s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

export function oneJob(job: JobSpec): Promise<JobEnd> {
  return runJob(job);
}
