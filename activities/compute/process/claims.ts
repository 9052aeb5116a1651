import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, isMissing, readRecord } from './durable-files.js';
import { identityOf, isAlive } from './process-table.js';
import { ProcessIdentity } from './records.js';

export interface Claim {
  readonly generation: number;
  readonly holder: ProcessIdentity;
}

/**
 * Makes this process the job's supervisor; undefined when another one is. Claims are numbered and never removed: the
 * next number is taken only after the holder of the last one died, and by one process only. A lock file that is removed
 * when stale would let two processes each remove the other's.
 */
export async function takeClaim(claims: string): Promise<Claim | undefined> {
  const holder = await identityOf(process.pid);
  if (holder === undefined)
    throw new Error(`expected the system to list process ${String(process.pid)}, got nothing`);
  for (;;) {
    const last = await lastClaim(claims);
    if (last !== undefined && (await isAlive(last.holder))) return undefined;
    const generation = (last?.generation ?? 0) + 1;
    if (await createFile(claimFile(claims, generation), holder)) return { generation, holder };
  }
}

/** The claim whose holder lives, if any. */
export async function liveClaim(claims: string): Promise<Claim | undefined> {
  const last = await lastClaim(claims);
  return last !== undefined && (await isAlive(last.holder)) ? last : undefined;
}

async function lastClaim(claims: string): Promise<Claim | undefined> {
  const generation = Math.max(0, ...(await namesIn(claims)).map(generationOf));
  if (generation === 0) return undefined;
  const holder = await readRecord(claimFile(claims, generation), ProcessIdentity);
  return holder === undefined ? undefined : { generation, holder };
}

async function namesIn(claims: string): Promise<string[]> {
  try {
    return await readdir(claims);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

const claimFile = (claims: string, generation: number): string =>
  join(claims, `${String(generation)}.json`);

/** 0 for a file that is being written beside the claims. */
function generationOf(name: string): number {
  return Number(/^(\d+)\.json$/.exec(name)?.[1] ?? 0);
}
