import { log } from '@temporalio/workflow';
import type { Finding, Survey } from '../temporal/contracts/reconcile.js';
import { EVERY_TAG, parseModelId } from '../temporal/ids.js';
import { repairs } from './proxies.js';

type Orphans = Pick<Survey, 'hosts' | 'jobs' | 'runs'>;

interface Orphan {
  tag: string;
  what: string;
  remove: () => Promise<void>;
}

/** Ends what belongs to a run that is closed, or to a tag that there is not. */
export async function removeOrphans(
  orphans: Orphans,
  { dryRun, at }: { dryRun: boolean; at: string },
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { tag, what, remove } of described(orphans, at))
    found.push({ tag, what, repaired: !dryRun && (await removed(what, remove)) });
  return found;
}

function described({ hosts, jobs, runs }: Orphans, at: string): Orphan[] {
  return [
    ...hosts.map(({ name, modelId }) => ({
      tag: parseModelId(modelId).tag,
      what: `host ${name} serves ${modelId}, of a tag that there is not`,
      remove: () => repairs.retireHost(name),
    })),
    ...jobs.map(({ name, target, owner }) => ({
      tag: EVERY_TAG,
      what: `job ${name} runs for ${owner}, which is closed`,
      remove: () => repairs.cancelJob({ name, target }),
    })),
    ...runs.map(({ runId, tag, workflowId }) => ({
      tag,
      what: `run ${runId} is open in MLflow for ${workflowId}, which is closed`,
      remove: () => repairs.closeRun({ runId, status: 'KILLED', at, tags: {} }),
    })),
  ];
}

async function removed(what: string, remove: () => Promise<void>): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    log.warn('an orphan could not be removed', { what, said: String(error) });
    return false;
  }
}
