import type { V1Job } from '@kubernetes/client-node';
import type { JobObservation } from '../../../temporal/contracts/job.js';
import { isFailure } from '../../../temporal/errors.js';
import type { Artifacts } from '../../artifacts/port.js';
import { RESULT_LIMIT_BYTES } from '../causes.js';
import type { Api } from './api.js';
import { endMarks, type RecordedEnd } from './end.js';
import { resultsOf } from './environment.js';
import { type Failed, type Outcome, ownWords, told } from './outcome.js';
import { readTold, type Reference } from './termination.js';

const LOG_TAIL_BYTES = 4096;
const LOG_LINES = 400;
/** Plain names: none that leads elsewhere, however a store reads it. */
const BELOW = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

export interface Stores {
  readonly api: Api;
  readonly artifacts: Pick<Artifacts, 'get'>;
  /** The artifact root that jobs may leave their results below. */
  readonly results: string;
}

type Ended = Extract<JobObservation, { phase: 'succeeded' | 'failed' }>;

/**
 * Writes on the Job how it ended. Undefined when somebody changed it meanwhile: then it is read again. One that would never
 * end by itself is also told to, so that Kubernetes clears it away in its time.
 */
export async function recordEnd(
  { api }: Stores,
  job: V1Job,
  { end, giveUp }: { end: RecordedEnd; giveUp: boolean },
): Promise<V1Job | undefined> {
  const { namespace = '', name = '', resourceVersion = '' } = job.metadata ?? {};
  return api.change({ namespace, name }, resourceVersion, {
    metadata: endMarks(end),
    ...(giveUp && { activeDeadlineSeconds: 1 }),
  });
}

/** Reads what is gone with the pod: its log, and a failure that was left by reference. */
export async function completed(
  stores: Stores,
  job: V1Job,
  outcome: Outcome,
): Promise<RecordedEnd> {
  if ('succeeded' in outcome) {
    const { succeeded } = outcome;
    return 'result' in succeeded
      ? { ended: 'succeeded', result: succeeded.result }
      : { ended: 'succeeded-at', resultAt: succeeded.resultAt };
  }
  const { logAt, failureAt: _, ...failed } = await withOwnWords(stores, job, outcome.failed);
  const { namespace = '' } = job.metadata ?? {};
  const log =
    logAt && (await stores.api.tail({ namespace, name: logAt.pod }, logAt.container, LOG_LINES));
  return { ended: 'failed', failure: { ...failed, logTail: lastBytes(log ?? '', LOG_TAIL_BYTES) } };
}

/** What the port tells of a recorded end. */
export async function tellEnd(stores: Stores, job: V1Job, end: RecordedEnd): Promise<Ended> {
  if (end.ended === 'failed') return { phase: 'failed', failure: end.failure };
  if (end.ended === 'succeeded') return { phase: 'succeeded', result: end.result };
  const read = await readResult(stores, job, end.resultAt);
  if ('value' in read) return { phase: 'succeeded', result: read.value };
  return { phase: 'failed', failure: { ...read.failed, logTail: '' } };
}

/** The last whole characters of `text` that fit into `bytes`. */
export function lastBytes(text: string, bytes: number): string {
  const all = Buffer.from(text);
  if (all.byteLength <= bytes) return text;
  let from = all.byteLength - bytes;
  while (((all[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return all.subarray(from).toString();
}

async function withOwnWords(stores: Stores, job: V1Job, failed: Failed): Promise<Failed> {
  if (failed.failureAt === undefined) return failed;
  const read = await fetched(stores, job, failed.failureAt);
  const words = 'text' in read ? readTold(read.text) : undefined;
  return words === undefined ? failed : ownWords(failed, words);
}

async function readResult(
  stores: Stores,
  job: V1Job,
  at: Reference,
): Promise<{ value: unknown } | { failed: Failed }> {
  const name = job.metadata?.name ?? '';
  const read = await fetched(stores, job, at);
  if ('problem' in read)
    return { failed: told('integrity', 'Integrity', `job ${name}: ${read.problem}`) };
  try {
    const value: unknown = JSON.parse(read.text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value };
  } catch {
    // Said below.
  }
  const message = `job ${name}: expected an object at ${at.uri}, got ${read.text.slice(0, 80)}`;
  return { failed: told('bad-result', 'BadResult', message) };
}

/** A job's message is its own text: it may name what lies below its own place, and nothing else. */
async function fetched(
  { artifacts, results }: Stores,
  job: V1Job,
  { uri, sha256 }: Reference,
): Promise<{ text: string } | { problem: string }> {
  const place = `${resultsOf({ name: job.metadata?.name ?? '' }, { results })}/`;
  if (!uri.startsWith(place) || !BELOW.test(uri.slice(place.length)))
    return { problem: `expected a result below ${place}, got ${uri}` };
  try {
    const content = await artifacts.get(uri, `sha256:${sha256}`);
    if (content.byteLength <= RESULT_LIMIT_BYTES) return { text: Buffer.from(content).toString() };
    const limit = `expected at most ${String(RESULT_LIMIT_BYTES)} bytes`;
    return { problem: `${limit} at ${uri}, got ${String(content.byteLength)}` };
  } catch (error) {
    if (isFailure(error, 'Integrity')) return { problem: (error as Error).message };
    throw error;
  }
}
