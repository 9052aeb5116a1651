import { access } from 'node:fs/promises';
import { liveClaim } from './claims.js';
import { isMissing, readRecord } from './durable-files.js';
import { processesOf } from './job-processes.js';
import { jobDirectory, jobFiles, type JobFiles } from './layout.js';
import { ExitRecord, JobRecord, ProcessRecord } from './records.js';

export const readJob = (files: JobFiles): Promise<JobRecord | undefined> =>
  readRecord(files.record, JobRecord);
export const readExit = (files: JobFiles): Promise<ExitRecord | undefined> =>
  readRecord(files.exit, ExitRecord);
export const readProcess = (files: JobFiles): Promise<ProcessRecord | undefined> =>
  readRecord(files.process, ProcessRecord);

export const isCancelled = (files: JobFiles): Promise<boolean> => exists(files.cancelled);
export const isFinished = (files: JobFiles): Promise<boolean> => exists(files.exit);

/** The job of this name and uid has a supervisor or processes, so that its place and its slots are its own. */
export async function isPresent(root: string, name: string, uid: string): Promise<boolean> {
  const files = jobFiles(jobDirectory(root, name));
  const job = await readJob(files);
  if (job?.uid !== uid || (await isFinished(files))) return false;
  if ((await liveClaim(files.claims)) !== undefined) return true;
  const leader = await readProcess(files);
  return leader !== undefined && (await processesOf({ leader, uid })).length > 0;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
