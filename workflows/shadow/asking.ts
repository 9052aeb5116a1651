import { workflowInfo } from '@temporalio/workflow';
import type { ShadowRequest } from '../../temporal/contracts/runs.js';
import type { Asked } from '../../temporal/contracts/tag.js';
import { requestHash } from '../../temporal/ids.js';

/** The run as one who asks: of its tag, and of its pool. */
export class Asking {
  readonly workflowId = workflowInfo().workflowId;
  /** Started again under its workflow id, a run asks anew. */
  readonly effectKey = `${this.workflowId}/${workflowInfo().runId}`;
  private readonly request: ShadowRequest;
  private asks = 0;

  constructor(request: ShadowRequest) {
    this.request = request;
  }

  asked(step: string, over: { actor?: string; reason?: string } = {}): Asked {
    const { actor, reason, tag } = { ...this.request, ...over };
    this.asks += 1;
    const key = `${this.effectKey}:${step}:${String(this.asks)}`;
    return {
      actor,
      reason: reason.slice(0, 400),
      workflowId: this.workflowId,
      key,
      hash: requestHash(step, tag, { key }),
    };
  }
}
