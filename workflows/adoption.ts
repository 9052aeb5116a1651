import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { Reconciled } from '../temporal/contracts/reconcile.js';
import type { RolloutRequest } from '../temporal/contracts/runs.js';
import { modelId, rolloutWorkflowId } from '../temporal/ids.js';
import { SEARCH_ATTRIBUTES, WORKFLOWS } from '../temporal/names.js';

const WHY = 'the champion alias was moved in MLflow by hand';

/** Follows an alias that somebody moved: one rollout for each state of the tag. False when there was one already. */
export async function adopt(
  tag: string,
  { version, live, seq }: NonNullable<Reconciled['adopt']>,
): Promise<boolean> {
  const request: RolloutRequest = {
    ...{ tag, version, actor: 'mlflow', reason: WHY, override: WHY, expectedLive: live },
  };
  const id = modelId(tag, version);
  try {
    await startChild(WORKFLOWS.rollout, {
      workflowId: rolloutWorkflowId(tag, version, `adopted-${String(seq)}`),
      args: [request],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${id}: ${WHY}`,
      typedSearchAttributes: [
        { key: SEARCH_ATTRIBUTES.ModelTag, value: tag },
        { key: SEARCH_ATTRIBUTES.ModelId, value: id },
      ],
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
