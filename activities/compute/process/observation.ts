import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { JobObservation } from '../../../temporal/contracts/job.js';
import { RESULT_LIMIT_BYTES } from '../causes.js';
import { readTail } from './capped-log.js';
import { isMissing, readRecord, readText } from './durable-files.js';
import { readExit, readProcess } from './job-state.js';
import type { JobFiles } from './layout.js';
import { outcomeOf, type Remains } from './outcome.js';
import { type JobRecord, WaitRecord } from './records.js';

const LOG_TAIL_BYTES = 4096;
const LAST_LINE_CHARACTERS = 200;

const Told = z.object({ type: z.string(), message: z.string(), traceback: z.string().nullish() });

/** How the job ended; undefined while it has not. */
export async function observeEnd(
  job: JobRecord,
  files: JobFiles,
): Promise<JobObservation | undefined> {
  const exit = await readExit(files);
  if (exit === undefined) return undefined;
  return outcomeOf({
    name: job.spec.name,
    exit,
    result: await readResult(join(files.output, 'result.json')),
    failure: await readTold(join(files.output, 'failure.json')),
    logTail: await readTail(files.log, LOG_TAIL_BYTES),
  });
}

/** Where a supervised job stands. */
export async function observeProgress(files: JobFiles): Promise<JobObservation> {
  const started = await readProcess(files);
  if (started !== undefined) {
    const elapsed = `for ${((Date.now() - started.startedAtMs) / 1000).toFixed(0)} s`;
    const line = lastLine(await readTail(files.log, LOG_TAIL_BYTES));
    return { phase: 'running', detail: line === '' ? elapsed : `${elapsed}: ${line}` };
  }
  const waiting = await readWaiting(files.waiting);
  if (waiting !== undefined) return { phase: 'queued', detail: waiting };
  return { phase: 'starting', detail: 'its supervisor is starting it' };
}

function lastLine(text: string): string {
  return (text.trimEnd().split('\n').at(-1) ?? '').trim().slice(0, LAST_LINE_CHARACTERS);
}

/** Undefined also for a half-written one: it is written anew while the job waits. */
async function readWaiting(path: string): Promise<string | undefined> {
  try {
    return (await readRecord(path, WaitRecord))?.detail;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

async function readResult(path: string): Promise<Remains['result']> {
  const size = await sizeOf(path);
  if (size === undefined) return { problem: 'expected result.json in MODELYARD_OUTPUT, got none' };
  if (size > RESULT_LIMIT_BYTES) {
    return {
      problem: `expected at most ${String(RESULT_LIMIT_BYTES)} bytes of result.json, got ${String(size)}`,
    };
  }
  const text = (await readText(path)) ?? '';
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value };
    return { problem: `expected an object in result.json, got ${text.slice(0, 80)}` };
  } catch {
    return { problem: `expected JSON in result.json, got ${text.slice(0, 80)}` };
  }
}

/** The job's own account of its failure; one that cannot be read is as none. */
async function readTold(path: string): Promise<Remains['failure']> {
  try {
    const told = await readRecord(path, Told);
    return told && { ...told, traceback: told.traceback ?? null };
  } catch {
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
