import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { RunView, RunKind } from '../temporal/contracts/runs.js';
import { withStanding } from './run-job.js';
import type { RunStatus } from './types.js';

/** What Temporal itself knows of a run, whatever the run's workflow says of itself. */
export type Execution = Pick<
  WorkflowExecutionDescription,
  'workflowId' | 'startTime' | 'closeTime' | 'historyLength'
> & {
  status: { name: WorkflowExecutionDescription['status']['name'] };
  /** Where its job stands; of a run that was described, not only listed. */
  standing?: string | undefined;
};

export function isOpen(execution: Execution): boolean {
  const { name } = execution.status;
  return name === 'RUNNING' || name === 'PAUSED' || name === 'CONTINUED_AS_NEW';
}

export function runStatus(kind: RunKind, execution: Execution, view: RunView | null): RunStatus {
  const { workflowId } = execution;
  return {
    workflowId,
    kind,
    tag: view?.tag ?? tagOf(workflowId),
    state: stateOf(execution, view),
    stage: view?.stage ?? '',
    stages: (view?.stages ?? []).map((stage) => toStage(withStanding(stage, execution.standing))),
    ...(view?.waitingFor && { waitingFor: toWait(view.waitingFor) }),
    startedAt: execution.startTime,
    ...(execution.closeTime && { finishedAt: execution.closeTime }),
  };
}

/** A retrain's status goes on in its rollout until the candidate is live; the watch after it is the rollout's own. */
export function followedStatus(
  retrain: RunStatus,
  rollout: RunStatus,
  view: RunView | null,
): RunStatus {
  const committed = view?.committed ?? null;
  const commit = rollout.stages.findIndex((stage) => stage.name === 'commit');
  const { waitingFor: _, finishedAt: __, ...rest } = retrain;
  const finishedAt = committed ? new Date(committed.at) : rollout.finishedAt;
  return {
    ...rest,
    state: committed ? 'completed' : rollout.state,
    stage: committed && commit >= 0 ? 'commit' : rollout.stage,
    stages: [
      ...retrain.stages,
      ...(commit >= 0 ? rollout.stages.slice(0, commit + 1) : rollout.stages),
    ],
    ...(!committed && rollout.waitingFor && { waitingFor: rollout.waitingFor }),
    ...(finishedAt && { finishedAt }),
  };
}

export function isEnded(status: RunStatus): boolean {
  return status.state !== 'running' && status.state !== 'waiting';
}

function stateOf(execution: Execution, view: RunView | null): RunStatus['state'] {
  switch (execution.status.name) {
    case 'COMPLETED':
      return 'completed';
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled';
    case 'FAILED':
    case 'TIMED_OUT':
      return 'failed';
    default: {
      const waits =
        view?.waitingFor !== undefined || view?.stages.some((stage) => stage.state === 'waiting');
      return waits ? 'waiting' : 'running';
    }
  }
}

function toStage({
  name,
  state,
  startedAt,
  finishedAt,
  waitedMs,
  detail,
}: RunView['stages'][number]): RunStatus['stages'][number] {
  const tookMs =
    startedAt !== undefined && finishedAt !== undefined
      ? Date.parse(finishedAt) - Date.parse(startedAt)
      : undefined;
  return {
    name,
    state,
    ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: new Date(finishedAt) }),
    ...(waitedMs !== undefined && { waitedMs }),
    ...(tookMs !== undefined && { workedMs: tookMs - (waitedMs ?? 0) }),
    ...(detail !== undefined && { detail }),
  };
}

function toWait(waiting: NonNullable<RunView['waitingFor']>): NonNullable<RunStatus['waitingFor']> {
  const { what, until, need, have } = waiting;
  return {
    what,
    ...(until !== undefined && { until: new Date(until) }),
    ...(need !== undefined && { need }),
    ...(have !== undefined && { have }),
  };
}

const KINDS: readonly string[] = [
  'retrain',
  'evaluate',
  'rollout',
  'shadow',
  'fleet',
] satisfies RunKind[];

/** Every run's id begins with its kind; null for the id of something else. */
export function kindOf(workflowId: string): RunKind | null {
  const kind = workflowId.split('/', 1)[0] ?? '';
  return KINDS.includes(kind) ? (kind as RunKind) : null;
}

export function tagOf(workflowId: string): string {
  return workflowId.split('/', 2)[1] ?? '';
}
