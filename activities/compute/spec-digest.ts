import type { JobSpec } from '../../temporal/contracts/job.js';
import { digestOf } from '../../temporal/digest.js';

/**
 * 'sha256:<hex>' of what a job is. The deadline says how long its run waits, and differs when the same request is run
 * again after a failure, so it is no part of the job's identity.
 */
export function specDigest(spec: JobSpec): string {
  return digestOf({ ...spec, deadline: null });
}
