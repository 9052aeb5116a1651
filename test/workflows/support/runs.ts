import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type {
  RetrainRequest,
  RolloutRequest,
  RunView,
  ShadowRequest,
} from '../../../temporal/contracts/runs.js';
import { retrainWorkflowId, rolloutWorkflowId, shadowWorkflowId } from '../../../temporal/ids.js';
import { WORKFLOWS } from '../../../temporal/names.js';
import type { retrain } from '../../../workflows/retrain.js';
import type { rollout } from '../../../workflows/rollout.js';
import type { shadow } from '../../../workflows/shadow.js';
import { until, unique, type World } from './world.js';

export async function startRetrain(
  { client, taskQueue }: World,
  tag: string,
  over: Partial<RetrainRequest> = {},
): Promise<WorkflowHandle<typeof retrain>> {
  const request: RetrainRequest = { tag, trigger: 'request', actor: 'ada', ...over };
  const workflowId = retrainWorkflowId(tag, unique('key'));
  return client.workflow.start<typeof retrain>(WORKFLOWS.retrain, {
    taskQueue,
    workflowId,
    args: [request],
  });
}

export async function startRollout(
  { client, taskQueue }: World,
  tag: string,
  request: Pick<RolloutRequest, 'version'> & Partial<RolloutRequest>,
): Promise<WorkflowHandle<typeof rollout>> {
  const workflowId = rolloutWorkflowId(tag, request.version, unique('key'));
  const args: [RolloutRequest] = [{ tag, actor: 'ada', reason: 'a reason', ...request }];
  return client.workflow.start<typeof rollout>(WORKFLOWS.rollout, { taskQueue, workflowId, args });
}

export async function startShadow(
  { client, taskQueue }: World,
  tag: string,
  request: Pick<ShadowRequest, 'version'> & Partial<ShadowRequest>,
): Promise<WorkflowHandleWithFirstExecutionRunId<typeof shadow>> {
  const workflowId = shadowWorkflowId(tag, request.version, unique('key'));
  const wanted = { duration: '4s', whenFull: 'refuse' as const, minRequests: 10 };
  const args: [ShadowRequest] = [{ tag, actor: 'ada', reason: 'a reason', ...wanted, ...request }];
  return client.workflow.start<typeof shadow>(WORKFLOWS.shadow, { taskQueue, workflowId, args });
}

/** The run as soon as one of its stages is in this state. */
export function inStage(
  run: Pick<WorkflowHandle, 'query'>,
  name: string,
  state: RunView['stages'][number]['state'] = 'running',
): Promise<RunView> {
  return until(
    () => run.query<RunView>('status'),
    ({ stages }) => stages.some((stage) => stage.name === name && stage.state === state),
  );
}
