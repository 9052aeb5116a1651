import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './durable-files.js';
import type { KeptJob } from '../port.js';
import { isFinished, readExit, readJob } from './job-state.js';
import { buildDirectory, jobDirectory, jobFiles, trashDirectory } from './layout.js';

/** A job whose directory exists. */
export interface KnownJob {
  readonly name: string;
  readonly uid: string;
  /** Workflow id of the run that owns it. */
  readonly owner: string;
  readonly createdAt: Date;
  /** Null while the job is waiting or running. */
  readonly finishedAt: Date | null;
}

/** A directory is filled within seconds; what is older was left by a worker that died. */
const BUILD_LIMIT_MS = 60 * 60 * 1000;

export async function listJobs(root: string): Promise<KnownJob[]> {
  const jobs = await Promise.all((await jobNamesIn(root)).map((name) => readKnown(root, name)));
  return jobs.filter((job) => job !== undefined);
}

/** Reads nothing of the ended ones, of which there may be thousands. */
export async function listActive(root: string): Promise<KeptJob[]> {
  const jobs = await Promise.all((await jobNamesIn(root)).map((name) => readActive(root, name)));
  return jobs.filter((job) => job !== undefined);
}

/** Removes jobs that ended before the retention time, and what died workers left half-made. Returns the jobs' names. */
export async function removeExpired(root: string, retentionMs: number): Promise<string[]> {
  const ended = (await listJobs(root)).filter(
    ({ finishedAt }) => finishedAt !== null && finishedAt.getTime() + retentionMs <= Date.now(),
  );
  for (const { name } of ended) await remove(root, name);
  await removeLeftovers(root);
  return ended.map(({ name }) => name);
}

async function readActive(root: string, name: string): Promise<KeptJob | undefined> {
  const files = jobFiles(jobDirectory(root, name));
  if (await isFinished(files)) return undefined;
  const job = await readJob(files);
  return job && { name, target: job.spec.target, owner: job.spec.owner, state: 'active' };
}

async function readKnown(root: string, name: string): Promise<KnownJob | undefined> {
  const files = jobFiles(jobDirectory(root, name));
  const job = await readJob(files);
  if (job === undefined) return undefined;
  const exit = await readExit(files);
  return {
    name,
    uid: job.uid,
    owner: job.spec.owner,
    createdAt: new Date(job.createdAtMs),
    finishedAt: exit === undefined ? null : new Date(exit.finishedAtMs),
  };
}

/** By rename first: a job is there whole or not at all, also while thousands of its files are being deleted. */
async function remove(root: string, name: string): Promise<void> {
  await mkdir(trashDirectory(root), { recursive: true });
  try {
    await rename(jobDirectory(root, name), join(trashDirectory(root), randomUUID()));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function removeLeftovers(root: string): Promise<void> {
  await rm(trashDirectory(root), { recursive: true, force: true });
  for (const name of await namesIn(buildDirectory(root))) {
    const path = join(buildDirectory(root), name);
    if ((await modifiedAtMs(path)) + BUILD_LIMIT_MS <= Date.now())
      await rm(path, { recursive: true, force: true });
  }
}

async function modifiedAtMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return Date.now();
    throw error;
  }
}

async function jobNamesIn(root: string): Promise<string[]> {
  return (await namesIn(root)).filter((name) => !name.startsWith('.'));
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
