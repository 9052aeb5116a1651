import {
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
} from '@temporalio/workflow';
import type { ShadowRequest } from '../../temporal/contracts/runs.js';
import type { ShadowPolicy, ShadowReport } from '../../temporal/contracts/shadow.js';
import { modelId, shadowWorkflowId } from '../../temporal/ids.js';
import { SEARCH_ATTRIBUTES, WORKFLOWS } from '../../temporal/names.js';
import { quietly } from '../failing.js';
import { afterShadow } from '../policy/decision.js';
import type { Ending } from './canary.js';
import type { Holder } from './holder.js';

/** The lease is looked after so often while the window runs. */
const SLICE_MS = 6 * 3_600_000;

export interface Shadowed {
  report: ShadowReport | null;
  /** What the rollout comes to; null: it goes on. */
  ending: Ending | null;
}

/** Waits for the candidate's shadow window, and keeps the lease meanwhile. A lease that is lost ends the window, too. */
export async function awaitShadow(holder: Holder): Promise<Shadowed> {
  const { shadow: policy } = holder.plan;
  if (policy == null) return { report: null, ending: null };
  await holder.renew({ waitingFor: 'shadow' });
  const shadowed = await underLease(holder, policy);
  await holder.renew({ waitingFor: null });
  return shadowed;
}

async function underLease(holder: Holder, policy: ShadowPolicy): Promise<Shadowed> {
  const scope = new CancellationScope();
  let ended = false;
  const window = scope
    .run(() => shadowed(holder, policy))
    .finally(() => {
      ended = true;
    });
  try {
    while (!ended) await holder.waitFor(() => ended, SLICE_MS);
  } catch (error) {
    scope.cancel();
    const closed = window.catch(() => undefined);
    // The window's run closes its record for as long as the registry is away; nobody else's turn waits for that.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => leave(holder));
    await closed;
    throw error;
  }
  return window;
}

const leave = (holder: Holder): Promise<void> =>
  quietly('give the lease back', () => holder.giveBack());

async function shadowed(holder: Holder, policy: ShadowPolicy): Promise<Shadowed> {
  try {
    const report = await child(holder, policy);
    return { report, ending: afterShadow(report) };
  } catch (error) {
    if (!isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
    return {
      report: null,
      ending: { outcome: 'aborted', reason: 'its shadow window was cancelled' },
    };
  }
}

function child(holder: Holder, policy: ShadowPolicy): Promise<ShadowReport> {
  const { tag, version, actor, reason } = holder.request;
  const id = modelId(tag, version);
  const [, , , ...key] = holder.workflowId.split('/');
  const workflowId = shadowWorkflowId(tag, version, key.join('/'));
  const request: ShadowRequest = {
    tag,
    version,
    actor,
    reason,
    fromReady: true,
    whenFull: 'wait',
    ...policy,
  };
  holder.stages.detail('shadow', workflowId);
  return executeChild<(request: ShadowRequest) => Promise<ShadowReport>>(WORKFLOWS.shadow, {
    workflowId,
    args: [request],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    staticSummary: `${id} in the rollout ${holder.workflowId}`,
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.ModelTag, value: tag },
      { key: SEARCH_ATTRIBUTES.ModelId, value: id },
    ],
  });
}
