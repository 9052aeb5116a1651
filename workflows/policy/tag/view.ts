import type { TagView } from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { frozenAt } from './freeze.js';
import { rollbackTarget } from './target.js';
import type { TagState } from './state.js';

/** What `status` shows of a state; `lanes` is what MLflow has not been told yet. */
export function viewOf(
  state: TagState,
  lanes: { pending: number; parked: string | null; at: string },
): TagView {
  const id = (version: number): string => modelId(state.tag, version);
  const previous = state.retired ? null : rollbackTarget(state);
  const { lease } = state;
  return {
    tag: state.tag,
    owner: state.definition?.definition.owner.team ?? '',
    live: state.live === null ? null : id(state.live),
    liveSince: state.liveSince,
    previous: previous === null ? null : id(previous),
    previousWarm:
      previous !== null &&
      Object.values(state.hosts).some((host) => host.version === previous && host.ready),
    rollout: lease && {
      modelId: id(lease.version),
      weightPercent: lease.weightPercent,
      workflowId: lease.workflowId,
      waitingFor: lease.waitingFor,
    },
    shadow: state.shadow && {
      modelId: id(state.shadow.version),
      until: state.shadow.until,
      workflowId: state.shadow.workflowId,
    },
    frozen: frozenAt(state, lanes.at),
    quarantined: Object.keys(state.quarantined).map(Number),
    retired: state.retired,
    seq: state.seq,
    fence: state.fence,
    head: state.head,
    registry: { inSync: lanes.pending === 0, pending: lanes.pending, parked: lanes.parked },
    serving: {
      inSync: state.serving.inSync && state.intent === null,
      observedFence: state.serving.fence,
    },
    lastRun: state.lastRun,
  };
}
