import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvaluationEvidence } from '../../temporal/contracts/evaluation.js';
import {
  JobBeat,
  TrainResult,
  type Examined,
  type JobFailure,
  type JobRef,
  type JobSpec,
} from '../../temporal/contracts/job.js';
import { ShadowEvidence } from '../../temporal/contracts/shadow.js';
import { failure } from '../../temporal/errors.js';
import type { Compute } from './port.js';

/** How long one attempt looks at a job before it gives its slot back and comes again: short jobs end without a retry. */
const LOOK_MS = 4_000;
const STEP_MS = 100;
const MAX_PAUSE_MS = 30_000;

export type JobResult = TrainResult | EvaluationEvidence | ShadowEvidence;
const RESULTS = { train: TrainResult, evaluate: EvaluationEvidence, shadow: ShadowEvidence };

type End =
  | { ended: 'succeeded'; result: JobResult }
  /** `adopted`: it had ended before this run first looked at it. */
  | { ended: 'failed'; failure: JobFailure; adopted: boolean };
export type JobEnd = End & { placement?: string };

export function createComputeActivities({ compute }: { compute: Compute }) {
  return {
    /**
     * Runs a job to its end: creates or adopts it, then looks at it. While it runs this fails with a benign "still
     * running" and a delay, so that however long it takes the history does not grow and a worker's restart costs nothing.
     * What its heartbeats say outlives the worker: a job that any earlier try saw is not begun again when it is gone.
     */
    async runJob(job: JobSpec): Promise<JobEnd> {
      const before = lastBeat();
      const adopted = await endedBefore(compute, job);
      const ref = await compute.ensure(job, before?.uid);
      const { uid, placement = before?.placement } = ref;
      const placed = placement !== undefined && { placement };
      // At once: the next try begins again what was deleted after a worker that died between its making and this.
      heartbeat({ ...before, uid, ...placed } satisfies JobBeat);
      const until = Date.now() + LOOK_MS;
      for (;;) {
        const end = await look(compute, ref, job);
        if (end.ended === 'failed') return { ...end, adopted, ...placed };
        if (end.ended === 'succeeded') return { ...end, ...placed };
        heartbeat({ uid, ...placed, standing: end.detail } satisfies JobBeat);
        if (Date.now() >= until) throw stillRunning(job, end.detail);
        await sleep(STEP_MS, undefined, { signal: cancellationSignal() });
      }
    },

    /** The job is gone when this is done. */
    async cancelJob(job: Pick<JobSpec, 'name' | 'target'>): Promise<void> {
      await compute.cancel({ name: job.name, target: job.target, uid: '' });
    },

    /** Whether jobs could be run now, of every target. */
    examineCompute: (): Promise<Examined[]> => compute.examine(),
  };
}
export type ComputeActivities = ReturnType<typeof createComputeActivities>;

/** Undefined also for one that a worker of another release wrote in its own words. */
const lastBeat = (): JobBeat | undefined => JobBeat.safeParse(activityInfo().heartbeatDetails).data;

/** Only the first try can tell: a later one may find the end of what the first one began. */
async function endedBefore(compute: Compute, { name, target }: JobSpec): Promise<boolean> {
  if (activityInfo().attempt > 1) return false;
  const seen = await compute.observe({ name, target, uid: '' });
  return seen.phase === 'failed' || seen.phase === 'succeeded';
}

async function look(
  compute: Compute,
  ref: JobRef,
  job: JobSpec,
): Promise<End | { ended: 'no'; detail: string }> {
  const seen = await compute.observe(ref);
  switch (seen.phase) {
    case 'succeeded':
      return published(job, seen.result);
    case 'failed':
      return { ended: 'failed', failure: seen.failure, adopted: false };
    case 'vanished':
      return { ended: 'failed', failure: vanished(job, seen.detail), adopted: false };
    default:
      return { ended: 'no', detail: `${seen.phase}: ${seen.detail}` };
  }
}

/** Takes from a result what its contract names; what it does not name stays out of the history. */
function published(job: JobSpec, result: unknown): End {
  const parsed = RESULTS[job.program.step].safeParse(result);
  if (parsed.success) return { ended: 'succeeded', result: parsed.data };
  const issues = parsed.error.issues
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('; ');
  return {
    ended: 'failed',
    adopted: false,
    failure: ended(
      'bad-result',
      'BadResult',
      `job ${job.name} published a result that its contract does not allow: ${issues}`,
    ),
  };
}

function vanished(job: JobSpec, detail: string): JobFailure {
  return ended('disrupted', 'JobVanished', `job ${job.name} vanished: ${detail}`);
}

const ended = (cause: JobFailure['cause'], type: string, message: string): JobFailure => ({
  cause,
  type,
  message,
  exitCode: null,
  signal: null,
  traceback: null,
  logTail: '',
});

function stillRunning(job: JobSpec, detail: string): Error {
  const elapsedMs = Date.now() - activityInfo().scheduledTimestampMs;
  return failure('JobRunning', `job ${job.name} still ${detail}`, {
    benign: true,
    nextRetryDelayMs: Math.min(MAX_PAUSE_MS, Math.max(500, elapsedMs / 10)),
  });
}
