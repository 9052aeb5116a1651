import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from 'modelyard/dev';
import { inject } from 'vitest';
import { callMlflow } from '../../support/mlflow-api.js';

export interface RecordedRun {
  info: { run_id: string; status: string; artifact_uri: string; run_name: string };
  data: {
    params: Record<string, string>;
    tags: Record<string, string>;
    metrics: { key: string; value: number; dataset_digest?: string; model_id?: string }[];
  };
  inputs: { dataset: { name: string; digest: string }; context: string }[];
}

export interface RecordedVersion {
  version: string;
  run_id: string;
  source: string;
  tags: Record<string, string>;
  aliases: string[];
}

interface Pair {
  key: string;
  value: string;
}

/** The tag's runs in MLflow, oldest first, read past the platform. */
export async function runsOf({ mlflow: { url } }: Stack, tag: string): Promise<RecordedRun[]> {
  const named = `experiments/get-by-name?experiment_name=${encodeURIComponent(`modelyard/${tag}`)}`;
  const found = (await callMlflow(url, 'GET', named).catch(() => null)) as {
    experiment: { experiment_id: string };
  } | null;
  if (found === null) return [];
  const { runs = [] } = (await callMlflow(url, 'POST', 'runs/search', {
    experiment_ids: [found.experiment.experiment_id],
    order_by: ['attributes.start_time ASC'],
  })) as { runs?: WireRun[] };
  return runs.map(toRun);
}

interface WireRun {
  info: RecordedRun['info'];
  data: { params?: Pair[]; tags?: Pair[]; metrics?: RecordedRun['data']['metrics'] };
  inputs?: { dataset_inputs?: { dataset: { name: string; digest: string }; tags: Pair[] }[] };
}

const toRun = ({ info, data, inputs }: WireRun): RecordedRun => ({
  info,
  data: {
    params: recordOf(data.params),
    tags: recordOf(data.tags),
    metrics: data.metrics ?? [],
  },
  inputs: (inputs?.dataset_inputs ?? []).map(({ dataset: { name, digest }, tags }) => ({
    dataset: { name, digest },
    context: recordOf(tags)['mlflow.data.context'] ?? '',
  })),
});

const recordOf = (pairs: readonly Pair[] = []): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

export async function versionsOf(
  { mlflow: { url } }: Stack,
  tag: string,
): Promise<RecordedVersion[]> {
  const filter = encodeURIComponent(`name = '${tag}'`);
  const { model_versions: found = [] } = (await callMlflow(
    url,
    'GET',
    `model-versions/search?filter=${filter}`,
  )) as { model_versions?: (Omit<RecordedVersion, 'tags'> & { tags?: Pair[] })[] };
  return found
    .map(({ tags, ...version }) => ({ ...version, tags: recordOf(tags) }))
    .sort((a, b) => Number(a.version) - Number(b.version));
}

/** The metrics of the model that the run made; they, unlike the run's own, name the data they were measured on. */
export async function metricsOfModel({ mlflow: { url } }: Stack, run: RecordedRun) {
  const { model } = (await artifact(`${run.info.artifact_uri}/training/manifest.json`)) as {
    model: { loggedModelId: string };
  };
  const { model: found } = (await callMlflow(
    url,
    'GET',
    `logged-models/${model.loggedModelId}`,
  )) as { model: { data: { metrics: RecordedRun['data']['metrics'] } } };
  return found.data.metrics;
}

/** Version by alias, as MLflow shows them. */
export async function aliasesOf(
  { mlflow: { url } }: Stack,
  tag: string,
): Promise<Record<string, string>> {
  const { registered_model: model } = (await callMlflow(
    url,
    'GET',
    `registered-models/get?name=${tag}`,
  )) as { registered_model: { aliases?: { alias: string; version: string }[] } };
  return Object.fromEntries((model.aliases ?? []).map(({ alias, version }) => [alias, version]));
}

/** Where the stack's MLflow keeps an artifact on disk. */
export function artifactPath(uri: string): string {
  const below = uri.replace('mlflow-artifacts:/', '');
  return join(inject('stackDirectory'), 'mlflow', 'artifacts', below);
}

export async function artifact(uri: string): Promise<unknown> {
  return JSON.parse(await readFile(artifactPath(uri), 'utf8'));
}

/** Jobs of the tag that have not ended. */
export async function openJobs(tag: string): Promise<string[]> {
  const root = join(inject('stackDirectory'), 'jobs');
  // The first job makes the folder.
  const all = await readdir(root).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const names = all.filter((name) => !name.startsWith('.'));
  const open: string[] = [];
  for (const name of names) {
    const { spec } = JSON.parse(await readFile(join(root, name, 'spec.json'), 'utf8')) as {
      spec: { tag: string };
    };
    if (spec.tag !== tag) continue;
    const ended = await stat(join(root, name, 'exit.json')).then(
      () => true,
      () => false,
    );
    if (!ended) open.push(name);
  }
  return open;
}

/** Model ids of the tag that a host is kept for. */
export async function hostsOf(stack: Stack, tag: string): Promise<string[]> {
  return (await listedHosts(stack, tag)).map(({ modelId }) => modelId);
}

/** What kind of host serves each of the tag's models. */
export async function hostKindsOf(stack: Stack, tag: string): Promise<Record<string, string>> {
  const hosts = await listedHosts(stack, tag);
  return Object.fromEntries(hosts.map(({ modelId, kind }) => [modelId, kind]));
}

async function listedHosts(
  { gateway: { url } }: Stack,
  tag: string,
): Promise<{ modelId: string; kind: string }[]> {
  const token = await readFile(join(inject('stackDirectory'), 'gateway-admin.token'), 'utf8');
  const answer = await fetch(`${url}/admin/hosts`, {
    headers: { authorization: `Bearer ${token.trim()}` },
  });
  const { hosts } = (await answer.json()) as { hosts: { modelId: string; kind: string }[] };
  return hosts.filter(({ modelId }) => modelId.startsWith(`${tag}/`));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
