import { CancellationScope, CancelledFailure, isCancellation } from '@temporalio/workflow';
import type { JobResult } from '../activities/compute/activities.js';
import type { Admission } from '../temporal/contracts/runs.js';
import type { JobFailure, JobSpec } from '../temporal/contracts/job.js';
import { msOf } from '../temporal/duration.js';
import { applicationFailure, failure } from '../temporal/errors.js';
import { jobName } from '../temporal/ids.js';
import { afterFailure, DEFAULT_MAX_ATTEMPTS } from './policy/attempts.js';
import { jobControl, jobs } from './proxies.js';
import { DEFAULT_TARGET } from './policy/tag/route.js';

const DEFAULT_TIMEOUT = '2h';
/** Queueing and start-up, on top of the running time a definition allows. */
const QUEUE_MS = 24 * 3_600_000;

export interface JobStep {
  workflowId: string;
  /** Names the step's jobs: the run and what its effects depend on. The same again adopts them; other inputs make others. */
  effectKey: string;
  step: JobSpec['program']['step'];
  admission: Pick<Admission, 'definition'>;
  document: Record<string, unknown>;
  /** Told where a job of it ran, by backends that have several places. */
  onPlaced?: ((placement: string) => void) | undefined;
}

/**
 * Runs a step's job to a result, attempt by attempt. Each attempt is a job of its own name, so that one that is adopted is
 * never mistaken for the next. A cancelled run leaves no job behind.
 */
export async function runStep(step: JobStep): Promise<JobResult> {
  const spent = { attempts: 0, maxAttempts: maxAttempts(step), disruptions: 0 };
  for (let attempt = 1; ; attempt += 1) {
    const job = jobOf(step, attempt);
    const end = await runAttempt(job, `${step.step}, attempt ${String(attempt)}`);
    if (end.placement !== undefined) step.onPlaced?.(end.placement);
    if (end.ended === 'succeeded') return end.result;
    // An earlier run of the same key left this failure behind; this run has attempts of its own.
    if (end.adopted) continue;
    spent.attempts += end.failure.cause === 'disrupted' ? 0 : 1;
    const decision = afterFailure(end.failure, spent);
    if (decision.next === 'fail') throw jobFailed(step, end.failure, decision.why);
    spent.disruptions += decision.counts ? 0 : 1;
  }
}

async function runAttempt(job: JobSpec, summary: string) {
  try {
    return await jobs({ until: Date.parse(job.deadline) - Date.now(), summary }).runJob(job);
  } catch (error) {
    // A refusal is about a job that is not this run's to end, or about none at all.
    const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    if (!cancelled && applicationFailure(error)?.nonRetryable === true) throw error;
    // Cancelled, or out of time: either way the job must not live on.
    await CancellationScope.nonCancellable(() =>
      jobControl.cancelJob({ name: job.name, target: job.target }),
    );
    if (!cancelled) throw outOfTime(job, error);
    // A try that ended while it was being cancelled says "still running".
    throw isCancellation(error) ? error : new CancelledFailure('cancelled');
  }
}

function jobOf(
  { workflowId, effectKey, step, admission, document }: JobStep,
  attempt: number,
): JobSpec {
  const { training, tier } = admission.definition;
  const timeoutMs = msOf(training.timeout ?? DEFAULT_TIMEOUT);
  return {
    name: jobName(effectKey, step, attempt),
    target: DEFAULT_TARGET,
    owner: workflowId,
    tag: admission.definition.tag,
    program:
      training.code.kind === 'image' && step === 'train'
        ? {
            kind: 'image',
            step,
            image: training.code.image,
            ...(training.code.command && { command: training.code.command }),
          }
        : { kind: 'harness', step },
    document: { ...document, key: `${effectKey}/${step}` },
    resources: training.resources ?? { class: 'cpu' },
    tier: tier ?? 'standard',
    secrets: training.secrets ?? {},
    timeoutMs,
    deadline: new Date(Date.now() + timeoutMs + QUEUE_MS).toISOString(),
  };
}

const maxAttempts = ({ admission }: JobStep): number =>
  admission.definition.training.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;

function jobFailed(
  { step }: JobStep,
  { cause, type, exitCode, traceback, logTail }: JobFailure,
  why: string,
): Error {
  const integrity = cause === 'integrity';
  return failure(
    integrity ? 'Integrity' : 'JobFailed',
    `${step} failed (${type}): ${why}${traceback ? `\n${traceback}` : ''}`,
    {
      details: { cause, type, exitCode, traceback, logTail: logTail.slice(-2000) },
    },
  );
}

function outOfTime(job: JobSpec, error: unknown): Error {
  const details = { cause: 'deadline', type: 'JobNotFinished' };
  return failure('JobFailed', `job ${job.name} was not finished by ${job.deadline}`, {
    details,
    ...(error instanceof Error && { cause: error }),
  });
}
