import type { TagView } from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { rollbackTarget } from './target.js';
import type { TagState } from './state.js';

/** What `status` shows of a state; `lanes` is what MLflow has not been told yet. */
export function viewOf(
  state: TagState,
  lanes: { pending: number; parked: string | null },
): TagView {
  const id = (version: number): string => modelId(state.tag, version);
  const previous = rollbackTarget(state);
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
    },
    shadow: null,
    frozen: state.frozen,
    quarantined: Object.keys(state.quarantined).map(Number),
    seq: state.seq,
    fence: state.fence,
    head: state.head,
    registry: { inSync: lanes.pending === 0, ...lanes },
    serving: {
      inSync: state.serving.inSync && state.intent === null,
      observedFence: state.serving.fence,
    },
    lastRun: state.lastRun,
  };
}
