import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShadowRequests } from '../../temporal/contracts/shadow.js';
import { failure } from '../../temporal/errors.js';
import { inParts } from './lines.js';
import type { PairsQuestion } from './pairs-sql.js';

/** Of the log, read at once: rows of large requests take many times their size while they are parsed. */
const PART_BYTES = 2 * 1024 * 1024;

export interface Pairs {
  /** Parquet; the same records give the same bytes. */
  content: Uint8Array;
  rows: number;
  requests: ShadowRequests;
}

/** What both models answered to the same requests, a row for each scored row. The records pass through temporary files. */
export async function pairsOf(
  records: AsyncIterable<Uint8Array>,
  question: PairsQuestion,
): Promise<Pairs> {
  const directory = await mkdtemp(join(tmpdir(), 'modelyard-pairs-'));
  try {
    return await pairsIn(directory, records, question);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function pairsIn(
  directory: string,
  records: AsyncIterable<Uint8Array>,
  question: PairsQuestion,
): Promise<Pairs> {
  // A native library of tens of megabytes, which most workers never need.
  const { PairsTable } = await import('./duckdb.js');
  const table = await PairsTable.create(join(directory, 'pairs.duckdb'), question);
  try {
    let number = 0;
    for await (const part of inParts(records, PART_BYTES)) {
      number += 1;
      const file = join(directory, `${String(number)}.ndjson`);
      await saved(file, part);
      await table.add(file);
      await rm(file);
    }
    const file = join(directory, 'pairs.parquet');
    const { requests, rows } = await table.write(file);
    return { content: await readFile(file), rows, requests };
  } finally {
    table.close();
  }
}

async function saved(file: string, content: Uint8Array): Promise<void> {
  await writeFile(file, content).catch((error: unknown) => {
    const cause = error instanceof Error ? error : new Error(String(error));
    const message = `the worker's temporary directory: ${cause.message}`;
    throw failure('ComputeUnavailable', message, { cause });
  });
}
