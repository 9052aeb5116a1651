import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerEntry } from 'modelyard';
import { inject } from 'vitest';
import { callMlflow } from '../../support/mlflow-api.js';
import type { Connected } from './platform.js';

// What was really done, read past the product: the jobs on the disk, MLflow's own API, the gateway's own API.

export interface JobSeen {
  step: string;
  pid: number | null;
  /** How its supervisor says it ended; null while it has not. */
  ending: string | null;
  exitCode: number | null;
}

/** Every job that was made for a run, oldest first. */
export async function jobsOf(
  workflowId: string,
  directory: string = inject('stackDirectory'),
): Promise<JobSeen[]> {
  const root = join(directory, 'jobs');
  const names = await readdir(root).catch(() => []);
  const jobs = await Promise.all(
    names.filter((name) => !name.startsWith('.')).map((name) => jobIn(join(root, name))),
  );
  return jobs
    .filter((job) => job.owner === workflowId)
    .sort((a, b) => a.createdAtMs - b.createdAtMs)
    .map(({ step, pid, ending, exitCode }) => ({ step, pid, ending, exitCode }));
}

async function jobIn(directory: string) {
  const [record, process, exit] = await Promise.all(
    ['spec.json', 'process.json', 'exit.json'].map((name) => json(join(directory, name))),
  );
  const { spec, createdAtMs = 0 } = (record ?? {}) as {
    spec?: { owner: string; program: { step: string } };
    createdAtMs?: number;
  };
  return {
    owner: spec?.owner,
    step: spec?.program.step ?? '',
    createdAtMs,
    pid: (process?.['pid'] as number | undefined) ?? null,
    ending: (exit?.['ending'] as string | undefined) ?? null,
    exitCode: (exit?.['exitCode'] as number | undefined) ?? null,
  };
}

async function json(file: string): Promise<Record<string, unknown> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
}

/** Whether a process of this id is there and is not only waiting to be collected. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => null);
  return stat !== null && !/\) [ZX] /.test(stat);
}

/** The state of every MLflow run that was made in the tag's experiment, duplicates included. */
export async function mlflowRuns({ stack }: Connected, tag: string): Promise<string[]> {
  const { url } = stack.mlflow;
  const name = encodeURIComponent(`modelyard/${tag}`);
  const found = await callMlflow(url, 'GET', `experiments/get-by-name?experiment_name=${name}`);
  const { experiment_id } = found['experiment'] as { experiment_id: string };
  const page = await callMlflow(url, 'POST', 'runs/search', {
    experiment_ids: [experiment_id],
    max_results: 1000,
  });
  return ((page['runs'] ?? []) as { info: { status: string } }[]).map(({ info }) => info.status);
}

/** Every version that was registered under the tag, duplicates included. */
export async function versionsOf({ stack }: Connected, tag: string): Promise<number[]> {
  const filter = encodeURIComponent(`name='${tag}'`);
  const page = await callMlflow(
    stack.mlflow.url,
    'GET',
    `model-versions/search?filter=${filter}&max_results=1000`,
  );
  return ((page['model_versions'] ?? []) as { version: string }[])
    .map(({ version }) => Number(version))
    .sort((a, b) => a - b);
}

/** The model that the gateway's own route names, and the hosts it keeps for the tag. */
export async function servedBy(
  { stack }: Connected,
  tag: string,
  directory: string = inject('stackDirectory'),
): Promise<{ live: string | null; fence: number; hosts: { modelId: string; pid: number }[] }> {
  const token = (await readFile(join(directory, 'gateway-admin.token'), 'utf8')).trim();
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${stack.gateway.url}/admin/${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return answer.json();
  };
  const { fence, route } = (await ask(`routes/${tag}`)) as {
    fence: number;
    route: { live: { modelId: string } | null };
  };
  const { hosts } = (await ask('hosts')) as { hosts: { modelId: string; pid: number }[] };
  return {
    live: route.live?.modelId ?? null,
    fence,
    hosts: hosts
      .filter(({ modelId }) => modelId.startsWith(`${tag}/`))
      .map(({ modelId, pid }) => ({ modelId, pid })),
  };
}

/** What the ledger says was made live, oldest first. */
export async function promoted({ platform }: Connected, tag: string): Promise<(string | null)[]> {
  return (await platform.ledger(tag)).filter(isPromotion).reverse().map(({ to }) => to);
}

const isPromotion = ({ action, outcome }: LedgerEntry): boolean =>
  action === 'promote' && outcome === 'applied';
