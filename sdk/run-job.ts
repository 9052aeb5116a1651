import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { JobBeat } from '../temporal/contracts/job.js';
import type { RunView, Stage } from '../temporal/contracts/runs.js';

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

const JOB_STAGES = new Set(['training', 'evaluation', 'report']);
const ACTIVITY = 'runJob';

/** A worker looks at a job for some seconds at a time: this is how a look ends that found it going on. */
const GOING_ON = 'JobRunning';

export function runsJob({ stages }: RunView): boolean {
  return stages.some(isJobStage);
}

/**
 * Where a run's job stands, or why it does not: what its worker said at the last look. Undefined when none is under way or
 * nothing was said of it yet.
 */
export function jobStanding(pending: readonly Pending[] | null | undefined): string | undefined {
  const job = (pending ?? []).find(({ activityType }) => activityType?.name === ACTIVITY);
  if (job === undefined) return undefined;
  const standing = beatOf(job)?.standing;
  const { message, applicationFailureInfo } = job.lastFailure ?? {};
  if (!message || applicationFailureInfo?.type === GOING_ON)
    return standing ?? (message || undefined);
  return standing === undefined ? message : `${standing}; the last look failed: ${message}`;
}

/** A stage whose job is under way says where that stands, after what it says itself. */
export function withStanding(stage: Stage, standing: string | undefined): Stage {
  if (standing === undefined || !isJobStage(stage)) return stage;
  const { detail } = stage;
  return { ...stage, detail: detail === undefined ? standing : `${detail}; ${standing}` };
}

const isJobStage = ({ name, state }: Stage): boolean => state === 'running' && JOB_STAGES.has(name);

/** Undefined also for what a worker of another release, or with an encryption of its own, wrote. */
function beatOf({ heartbeatDetails }: Pending): JobBeat | undefined {
  const [payload] = heartbeatDetails?.payloads ?? [];
  if (payload === undefined) return undefined;
  try {
    return JobBeat.safeParse(defaultPayloadConverter.fromPayload(payload)).data;
  } catch {
    return undefined;
  }
}
