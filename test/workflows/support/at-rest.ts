import { expect } from 'vitest';
import type { Registry } from '../../../activities/registry/port.js';
import { verifyChain } from '../../../sdk/ledger-chain.js';
import type { TagView } from '../../../temporal/contracts/tag.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import { callMlflow } from '../../support/mlflow-api.js';
import type { TagOnServer } from './tag.js';
import { until } from './world.js';

/** The tag once it owes nobody anything. */
export const atRest = (tag: TagOnServer, patienceMs = 90_000): Promise<TagView> =>
  until(
    () => tag.status(),
    ({ registry, serving, rollout }) =>
      registry.inSync && registry.pending === 0 && serving.inSync && rollout === null,
    patienceMs,
  );

/** The registry's journal is the tag's ledger, whole and in order, and its aliases say what the ledger says. */
export async function expectTold(tag: TagOnServer, registry: Registry): Promise<void> {
  const { seq, head, live } = await tag.status();
  const journal = await registry.readJournal(tag.tag, seq + 1, 1_000);
  expect(verifyChain(journal.toReversed(), { seq, hash: head })).toEqual({
    ok: true,
    checked: seq,
  });
  const { champion, challenger } = await registry.aliases(tag.tag);
  expect({ champion, challenger }).toEqual({ champion: versionOf(live), challenger: null });
}

const versionOf = (modelId: string | null): number | null =>
  modelId === null ? null : Number(modelId.split('/').at(-1));

interface Pair {
  key: string;
  value: string;
}
interface Kept {
  key: string;
  duplicateOf: string | undefined;
  status: string;
}

/** Every MLflow run of the tag's retrains, those that lost a race included. */
export async function runsAt(mlflow: string, tag: string): Promise<Kept[]> {
  const { experiment } = (await callMlflow(
    mlflow,
    'GET',
    `experiments/get-by-name?experiment_name=modelyard/${tag}`,
  )) as { experiment: { experiment_id: string } };
  const found = (await callMlflow(mlflow, 'POST', 'runs/search', {
    experiment_ids: [experiment.experiment_id],
    max_results: 1_000,
  })) as { runs?: { info: { status: string }; data: { tags: Pair[] } }[] };
  return (found.runs ?? [])
    .map(({ info, data }) => kept(data.tags, info.status))
    .filter(({ key }) => key !== '');
}

/** Every version that MLflow has of the tag, those that lost a race included. */
export async function versionsAt(mlflow: string, tag: string): Promise<Kept[]> {
  const filter = encodeURIComponent(`name='${tag}'`);
  const found = (await callMlflow(
    mlflow,
    'GET',
    `model-versions/search?filter=${filter}&max_results=1000`,
  )) as { model_versions?: { status: string; tags?: Pair[] }[] };
  return (found.model_versions ?? []).map(({ status, tags }) => kept(tags ?? [], status));
}

function kept(tags: Pair[], status: string): Kept {
  const valueOf = (name: string): string | undefined => tags.find(({ key }) => key === name)?.value;
  return {
    key: valueOf(REGISTRY_TAGS.key) ?? '',
    duplicateOf: valueOf(REGISTRY_TAGS.duplicateOf),
    status,
  };
}

/** Of each key exactly one that counts; the others say which one it is. */
export function expectOnePerKey(all: Kept[]): void {
  const counting = all.filter(({ duplicateOf }) => duplicateOf === undefined);
  expect(counting.map(({ key }) => key).sort()).toEqual(
    [...new Set(all.map(({ key }) => key))].sort(),
  );
}
