import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { RetrainRequest, RolloutRequest } from '../temporal/contracts/runs.js';
import { modelId, rolloutWorkflowId } from '../temporal/ids.js';
import { SEARCH_ATTRIBUTES } from '../temporal/names.js';
import type { Judging } from './judging.js';
import { judgingDigest } from './policy/tag/define.js';
import { reads } from './proxies.js';

/** Hands a candidate that passed its gate to a rollout, which has its own life: it goes on when this run is gone. */
export async function startRollout(judging: Judging, asked: RetrainRequest): Promise<string> {
  const { admission, candidate, workflowId } = judging;
  const { tag } = admission.definition;
  const rollout = rolloutWorkflowId(tag, candidate.version, 'gate');
  const request = requestOf(judging, asked, await requestersOf(judging, asked));
  await adopting(() =>
    startChild('rollout', {
      workflowId: rollout,
      args: [request],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${modelId(tag, candidate.version)} after ${workflowId}`,
      typedSearchAttributes: [
        { key: SEARCH_ATTRIBUTES.ModelTag, value: tag },
        { key: SEARCH_ATTRIBUTES.ModelId, value: modelId(tag, candidate.version) },
        { key: SEARCH_ATTRIBUTES.Owner, value: admission.definition.owner.team },
      ],
    }),
  );
  return rollout;
}

/** A run that is started again under its key may find the rollout it began before. */
async function adopting(start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/**
 * Whom the run is owed to, where somebody has to approve what comes of it: who asked for it; for a slot, who wrote its schedule
 * and whoever triggered it. Null where nobody has to.
 */
async function requestersOf(
  { admission, cutoff }: Judging,
  { actor, trigger }: RetrainRequest,
): Promise<string[] | null> {
  const { definition, definedBy } = admission;
  if (!definition.gate.approval) return null;
  if (trigger === 'request') return [actor];
  return [...new Set([definedBy, actor, ...(await reads.triggeredBy(definition.tag, cutoff))])];
}

function requestOf(
  judging: Judging,
  { actor, reason }: RetrainRequest,
  requesters: string[] | null,
): RolloutRequest {
  const { admission, candidate, incumbent, registry, workflowId } = judging;
  return {
    tag: admission.definition.tag,
    version: candidate.version,
    actor,
    reason: reason ?? judged(judging),
    retrain: {
      workflowId,
      incumbent: incumbent?.version ?? null,
      judgedUnder: judgingDigest(admission.definition),
      registryRunId: registry.runId,
      ...(requesters && { requesters }),
    },
  };
}

function judged({ admission, incumbent, workflowId }: Judging): string {
  const than = incumbent
    ? `better than ${modelId(admission.definition.tag, incumbent.version)}`
    : 'the first model';
  return `${than}, by the gate of ${workflowId}`.slice(0, 400);
}
