import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { runsOf, versionsOf } from './left-behind.js';
import type { Connected } from './platform.js';

// What was really done, read past the product: jobs on the disk, runs and versions in MLflow, the gateway's own words.

export interface JobSeen {
  step: string;
  pid: number | null;
  /** How its supervisor says it ended, and with which exit code; null while it has not. */
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

interface JobFiles {
  record: { createdAtMs: number; spec: { owner: string; program: { step: string } } };
  process: { pid: number };
  exit: { ending: string; exitCode: number | null };
}

async function jobIn(directory: string) {
  const [record, process, exit] = await Promise.all([
    json<JobFiles['record']>(join(directory, 'spec.json')),
    json<JobFiles['process']>(join(directory, 'process.json')),
    json<JobFiles['exit']>(join(directory, 'exit.json')),
  ]);
  return {
    owner: record?.spec.owner,
    step: record?.spec.program.step ?? '',
    createdAtMs: record?.createdAtMs ?? 0,
    pid: process?.pid ?? null,
    ending: exit?.ending ?? null,
    exitCode: exit?.exitCode ?? null,
  };
}

async function json<Content>(file: string): Promise<Content | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Content);
}

/** The model that the gateway's own route names, and the servers it keeps for the tag. */
export async function servedBy(
  { stack }: Connected,
  tag: string,
  directory: string = inject('stackDirectory'),
): Promise<{ live: string | null; fence: number; hosts: { modelId: string; pid: number }[] }> {
  const token = (await readFile(join(directory, 'gateway-admin.token'), 'utf8')).trim();
  const ask = async (path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${stack.gateway.url}/admin/${path}`, { headers })).json();
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
  const moves = (await platform.ledger(tag)).filter(
    ({ action, outcome }) => action === 'promote' && outcome === 'applied',
  );
  return moves.reverse().map(({ to }) => to);
}

/** All that a retrain which went live leaves behind; each count must be one, whatever was killed on the way. */
export async function effectsOf(on: Connected, run: { workflowId: string }, tag: string) {
  const { live, hosts } = await servedBy(on, tag);
  return {
    jobs: (await jobsOf(run.workflowId)).map(({ step, exitCode }) => [step, exitCode]),
    runs: (await runsOf(on.stack, tag)).map(({ info }) => info.status),
    versions: (await versionsOf(on.stack, tag)).map(({ version }) => version),
    promoted: await promoted(on, tag),
    live,
    hosts: hosts.map(({ modelId }) => modelId),
  };
}

/** What `effectsOf` says of a first model that was trained, judged, registered and made live once. */
export const onceOnly = (tag: string): Awaited<ReturnType<typeof effectsOf>> => ({
  jobs: [
    ['train', 0],
    ['evaluate', 0],
  ],
  runs: ['FINISHED'],
  versions: ['1'],
  promoted: [`${tag}/1`],
  live: `${tag}/1`,
  hosts: [`${tag}/1`],
});
