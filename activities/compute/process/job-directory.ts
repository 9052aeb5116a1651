import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import { specDigest } from '../spec-digest.js';
import { createFile, hasCode, syncDirectory } from './durable-files.js';
import { readJob } from './job-state.js';
import { buildDirectory, jobDirectory, jobFiles } from './layout.js';
import type { JobRecord } from './records.js';

/** Creates the job's directory whole, or returns the one that the same owner created from the same spec. */
export async function createOrAdopt(root: string, spec: JobSpec): Promise<JobRecord> {
  const existing = await readJob(jobFiles(jobDirectory(root, spec.name)));
  return existing === undefined ? create(root, spec) : adopt(existing, spec);
}

async function create(root: string, spec: JobSpec): Promise<JobRecord> {
  const job: JobRecord = {
    schema: 1,
    uid: randomUUID(),
    createdAtMs: Date.now(),
    digest: specDigest(spec),
    spec,
  };
  const building = join(buildDirectory(root), job.uid);
  try {
    await fill(building, job);
    await rename(building, jobDirectory(root, spec.name));
    await syncDirectory(root);
    return job;
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    // A directory that another call published first is not empty, so the rename is refused.
    if (hasCode(error, 'EEXIST', 'ENOTEMPTY')) return createOrAdopt(root, spec);
    throw error;
  }
}

async function fill(directory: string, job: JobRecord): Promise<void> {
  const files = jobFiles(directory);
  for (const inner of [files.claims, files.log, files.output, files.scratch])
    await mkdir(inner, { recursive: true });
  await createFile(files.input, job.spec.document);
  await createFile(files.record, job);
}

function adopt(existing: JobRecord, spec: JobSpec): JobRecord {
  const { owner } = existing.spec;
  if (owner !== spec.owner) {
    throw failure(
      'JobConflict',
      `job ${spec.name} exists already and is owned by ${owner}; expected ${spec.owner}`,
      {
        details: { job: spec.name, owner },
      },
    );
  }
  const digest = specDigest(spec);
  if (existing.digest !== digest) {
    const message = `job ${spec.name} exists already with another spec: ${existing.digest}; expected ${digest}`;
    throw failure('JobConflict', message, { details: { job: spec.name, owner } });
  }
  return existing;
}
