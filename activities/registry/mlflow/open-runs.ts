import { REGISTRY_TAGS } from '../../../temporal/names.js';
import type { OpenRun, Registry } from '../port.js';
import { ExperimentPage, RunPage, type Run } from './answers.js';
import type { Mlflow } from './client.js';
import { allPages } from './pages.js';
import type { Parts } from './parts.js';

const PAGE = 1_000;
/** A run belongs to one experiment, and a search names those it is for: so many ids at once stay a small request. */
const EXPERIMENTS_AT_ONCE = 200;
const OURS = `tags.\`${REGISTRY_TAGS.tag}\` LIKE '%'`;

export function createOpenRuns({ mlflow }: Parts): Pick<Registry, 'openRuns'> {
  return {
    async openRuns(startedBefore) {
      const experiments = await ourExperiments(mlflow);
      const open: Run[] = [];
      for (let from = 0; from < experiments.length; from += EXPERIMENTS_AT_ONCE) {
        const some = experiments.slice(from, from + EXPERIMENTS_AT_ONCE);
        open.push(...(await runningIn(mlflow, some, Date.parse(startedBefore))));
      }
      return open.sort((a, b) => a.startTimeMs - b.startTimeMs).flatMap(openRunOf);
    },
  };
}

async function ourExperiments(mlflow: Mlflow): Promise<string[]> {
  const found = await allPages((token) =>
    mlflow.call('search experiments', ExperimentPage, (api) =>
      api.POST('/api/2.0/mlflow/experiments/search', {
        body: {
          filter: OURS,
          max_results: PAGE,
          order_by: ['creation_time ASC'],
          ...(token !== undefined && { page_token: token }),
        },
      }),
    ),
  );
  return found.map(({ experimentId }) => experimentId);
}

async function runningIn(mlflow: Mlflow, experiments: string[], beforeMs: number): Promise<Run[]> {
  return await allPages((token) =>
    mlflow.call('search open runs', RunPage, (api) =>
      api.POST('/api/2.0/mlflow/runs/search', {
        body: {
          experiment_ids: experiments,
          filter: `attributes.status = 'RUNNING' and attributes.start_time < ${String(beforeMs)}`,
          max_results: PAGE,
          order_by: ['attributes.start_time ASC'],
          ...(token !== undefined && { page_token: token }),
        },
      }),
    ),
  );
}

/** A run that somebody else opened in a tag's experiment has no workflow to look after it, and is theirs. */
function openRunOf({ runId, tags, startTimeMs }: Run): OpenRun[] {
  const tag = tags[REGISTRY_TAGS.tag];
  const workflowId = tags[REGISTRY_TAGS.workflowId];
  if (tag === undefined || workflowId === undefined) return [];
  return [{ runId, tag, workflowId, startedAt: new Date(startTimeMs).toISOString() }];
}
