import { failure } from '../../../temporal/errors.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import type { Registry, RunOpening } from '../port.js';
import { Done, type Run } from './answers.js';
import { getRun, isChangedParam } from './claims.js';
import type { Mlflow } from './client.js';
import { endRun, openKeyedRun, sweepDuplicateRuns } from './keyed-runs.js';
import { logMetrics } from './metrics.js';
import { PARAMS_FILE, recordedParams } from './params.js';
import type { Parts } from './parts.js';
import { OWN_TAGS, tagPairs, type Pair } from './tags.js';
import { sweepDuplicateVersions } from './versions.js';

/** What log-batch takes of params, and of tags, in one call. */
const BATCH = 100;

type Runs = Pick<Registry, 'ensureModel' | 'openRun' | 'record' | 'closeRun'>;
type Step = Parameters<Registry['record']>[1];

export function createRuns({ mlflow, homes, artifacts }: Parts): Runs {
  async function write(runId: string, run: () => Promise<Run>, step: Step): Promise<void> {
    const { metrics = {} } = step;
    const params = recordedParams(step.params ?? {});
    const documents = { ...step.artifacts, ...(params.file && { [PARAMS_FILE]: params.file }) };
    if (Object.keys(documents).length > 0) {
      await artifacts.write((await run()).artifactUri, documents);
    }
    if (Object.keys(metrics).length > 0) await logMetrics(mlflow, await run(), metrics);
    // Tags come last: a reader that sees one finds the artifacts it speaks of.
    await logBatches(mlflow, runId, {
      params: params.pairs,
      tags: tagPairs(step.tags ?? {}, 'run'),
    });
  }

  return {
    async ensureModel(tag) {
      const { experimentId } = await homes.ensure(tag);
      return { experimentId };
    },

    async openRun(opening) {
      const home = await homes.ensure(opening.tag);
      const run = await openKeyedRun(mlflow, home.claimsRunId, {
        experimentId: home.experimentId,
        key: opening.key,
        name: opening.workflowId,
        startTimeMs: Date.parse(opening.startedAt),
        tags: openingTags(opening),
      });
      await write(run.runId, () => Promise.resolve(run), {
        params: opening.params,
        artifacts: opening.artifacts,
      });
      return { runId: run.runId, experimentId: run.experimentId };
    },

    async record(runId, step) {
      await write(runId, () => getRun(mlflow, runId), step);
    },

    async closeRun(runId, { status, at, tags = {} }) {
      await logBatches(mlflow, runId, { params: [], tags: tagPairs(tags, 'run') });
      await endRun(mlflow, runId, status, Date.parse(at));
      const run = await getRun(mlflow, runId);
      await sweepDuplicateRuns(mlflow, run);
      await sweepDuplicateVersions(mlflow, run);
    },
  };
}

function openingTags(opening: RunOpening): Record<string, string> {
  return {
    'mlflow.source.type': 'JOB',
    'mlflow.source.name': opening.workflowId,
    ...opening.tags,
    [REGISTRY_TAGS.workflowId]: opening.workflowId,
    [REGISTRY_TAGS.tag]: opening.tag,
    [OWN_TAGS.kind]: opening.kind,
  };
}

/** Params in as many calls as they need, the tags with the last of them. */
async function logBatches(
  mlflow: Mlflow,
  runId: string,
  { params, tags }: { params: Pair[]; tags: Pair[] },
): Promise<void> {
  for (let from = 0; from + BATCH < params.length; from += BATCH) {
    await logBatch(mlflow, runId, { params: params.slice(from, from + BATCH), tags: [] });
  }
  const last = params.slice(Math.max(0, Math.ceil(params.length / BATCH) - 1) * BATCH);
  if (last.length + tags.length > 0) await logBatch(mlflow, runId, { params: last, tags });
}

async function logBatch(
  mlflow: Mlflow,
  runId: string,
  batch: { params: Pair[]; tags: Pair[] },
): Promise<void> {
  const body = { run_id: runId, ...batch };
  await mlflow
    .call(`record on run ${runId}`, Done, (api) =>
      api.POST('/api/2.0/mlflow/runs/log-batch', { body }),
    )
    .catch((error: unknown) => {
      if (!isChangedParam(error)) throw error;
      throw failure(
        'RegistryConflict',
        `params of run ${runId} are written once: ${error.message}`,
        {
          details: { runId },
        },
      );
    });
}
