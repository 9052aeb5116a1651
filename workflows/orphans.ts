import { isCancellation, log } from '@temporalio/workflow';
import type { Finding, Orphan, Survey } from '../temporal/contracts/reconcile.js';
import { EVERY_TAG, parseModelId } from '../temporal/ids.js';
import { repairs } from './proxies.js';

type Orphans = Pick<Survey, 'hosts' | 'jobs' | 'runs' | 'bookings'>;

/** Ends what belongs to a run that is closed, or to a tag that there is not. */
export async function removeOrphans(
  { hosts, jobs, runs, bookings = [] }: Orphans,
  { dryRun, at }: { dryRun: boolean; at: string },
): Promise<Finding[]> {
  const orphans: Orphan[] = [
    ...hosts.map((host) => ({ kind: 'host' as const, ...host })),
    ...jobs.map((job) => ({ kind: 'job' as const, ...job })),
    ...runs.map((run) => ({ kind: 'run' as const, ...run })),
    ...bookings.map((booking) => ({ kind: 'booking' as const, ...booking })),
  ];
  const found: Finding[] = [];
  for (const orphan of orphans)
    found.push({ ...described(orphan), repaired: !dryRun && (await removed(orphan, at)) });
  return found;
}

function described(orphan: Orphan): Pick<Finding, 'tag' | 'what'> {
  switch (orphan.kind) {
    case 'host': {
      const { name, modelId } = orphan;
      const what = `host ${name} serves ${modelId}, of a tag that there is not`;
      return { tag: parseModelId(modelId).tag, what };
    }
    case 'job':
      return {
        tag: EVERY_TAG,
        what: `job ${orphan.name} runs for ${orphan.owner}, which is closed`,
      };
    case 'run': {
      const { runId, tag, workflowId } = orphan;
      return { tag, what: `run ${runId} is open in MLflow for ${workflowId}, which is closed` };
    }
    case 'booking': {
      const { pool, bookingId, tag, workflowId } = orphan;
      const what = `booking ${bookingId} in ${pool} is held by ${workflowId}, which is closed`;
      return { tag, what };
    }
  }
}

async function removed(orphan: Orphan, at: string): Promise<boolean> {
  try {
    return await repairs.removeOrphan({ orphan, at });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('an orphan could not be removed', { ...described(orphan), said: String(error) });
    return false;
  }
}
