import { REGISTRY_TAGS } from '../../../temporal/names.js';
import { sha256Hex } from '../../../temporal/digest.js';
import { Done, RunAnswer, RunPage, type Run } from './answers.js';
import { claim, getRun } from './claims.js';
import type { Mlflow } from './client.js';
import { createOrFind } from './create-or-find.js';
import { allPages } from './pages.js';
import { quoted, tagPairs } from './tags.js';

/** A run that exists once for its key, whoever asks for it and how often. */
export interface KeyedRun {
  experimentId: string;
  key: string;
  /** @default the key */
  name?: string;
  startTimeMs: number;
  tags: Record<string, string>;
}

const MAX_NAME_CHARACTERS = 250;
const PAGE = 1_000;

/**
 * Finds the run of this key or creates it, and lets the claim on `claimsRunId` decide between runs that were created at
 * the same time. The runs that lost are marked here; one whose creation lands still later is marked by `sweep`.
 */
export async function openKeyedRun(
  mlflow: Mlflow,
  claimsRunId: string,
  wanted: KeyedRun,
): Promise<Run> {
  const found = await findKeyedRuns(mlflow, wanted);
  const run = found[0] ?? (await createKeyedRun(mlflow, wanted));
  const { won, value } = await claim(mlflow, claimsRunId, claimKey(wanted.key), run.runId);
  const winner = won ? run : await getRun(mlflow, value);
  for (const loser of [run, ...found.slice(1)]) {
    if (loser.runId !== winner.runId) await markDuplicate(mlflow, loser, winner.runId);
  }
  return winner;
}

/** Marks every other run of the winner's key. */
export async function sweepDuplicateRuns(mlflow: Mlflow, winner: Run): Promise<void> {
  const key = winner.tags[REGISTRY_TAGS.key];
  if (key === undefined || winner.tags[REGISTRY_TAGS.duplicateOf] !== undefined) return;
  for (const run of await findKeyedRuns(mlflow, { experimentId: winner.experimentId, key })) {
    if (run.runId !== winner.runId) await markDuplicate(mlflow, run, winner.runId);
  }
}

export async function createKeyedRun(mlflow: Mlflow, wanted: KeyedRun): Promise<Run> {
  const body = {
    experiment_id: wanted.experimentId,
    run_name: (wanted.name ?? wanted.key).slice(0, MAX_NAME_CHARACTERS),
    start_time: wanted.startTimeMs,
    tags: tagPairs({ ...wanted.tags, [REGISTRY_TAGS.key]: wanted.key }, 'run'),
  };
  return await createOrFind(
    () =>
      mlflow.call(`create the run of ${wanted.key}`, RunAnswer, (api) =>
        api.POST('/api/2.0/mlflow/runs/create', { body }),
      ),
    async () => (await findKeyedRuns(mlflow, wanted))[0],
  );
}

/** The runs of a key that are not marked as duplicates, the one to prefer first. */
export async function findKeyedRuns(
  mlflow: Mlflow,
  { experimentId, key }: Pick<KeyedRun, 'experimentId' | 'key'>,
): Promise<Run[]> {
  const filter = `tags.\`${REGISTRY_TAGS.key}\` = ${quoted(key)}`;
  const runs = await searchRuns(mlflow, experimentId, filter);
  return runs
    .filter((run) => run.tags[REGISTRY_TAGS.duplicateOf] === undefined)
    .sort((a, b) => a.startTimeMs - b.startTimeMs || (a.runId < b.runId ? -1 : 1));
}

/** Oldest first: new runs then land behind the offset that a page token is. */
export async function searchRuns(
  mlflow: Mlflow,
  experimentId: string,
  filter: string,
): Promise<Run[]> {
  return await allPages((token) =>
    mlflow.call(`search runs of experiment ${experimentId}`, RunPage, (api) =>
      api.POST('/api/2.0/mlflow/runs/search', {
        body: {
          experiment_ids: [experimentId],
          filter,
          max_results: PAGE,
          order_by: ['attributes.start_time ASC'],
          ...(token !== undefined && { page_token: token }),
        },
      }),
    ),
  );
}

export async function markDuplicate(mlflow: Mlflow, run: Run, winnerId: string): Promise<void> {
  const tags = tagPairs({ [REGISTRY_TAGS.duplicateOf]: winnerId }, 'run');
  await mlflow.call(`mark run ${run.runId} as a duplicate`, Done, (api) =>
    api.POST('/api/2.0/mlflow/runs/log-batch', { body: { run_id: run.runId, tags } }),
  );
  await endRun(mlflow, run.runId, 'KILLED', run.startTimeMs);
}

export async function endRun(
  mlflow: Mlflow,
  runId: string,
  status: 'FINISHED' | 'FAILED' | 'KILLED',
  endTimeMs: number,
): Promise<void> {
  await mlflow.call(`end run ${runId}`, Done, (api) =>
    api.POST('/api/2.0/mlflow/runs/update', {
      body: { run_id: runId, status, end_time: endTimeMs },
    }),
  );
}

/** Hashed, because a workflow id may hold characters that a param's key may not. */
const claimKey = (key: string): string => `run.${sha256Hex(key).slice(0, 32)}`;
