import type { ContainerLog } from './container-log.js';
import type { ContainerRun } from './container-run.js';
import type { ContainerState, Terminated } from './container-state.js';
import { NotYet } from './pod.js';

/** The containers of one pod, each with what is known of it. */
export interface ContainerSet {
  readonly states: ReadonlyMap<string, ContainerState>;
  live: () => ContainerRun[];
  logOf: (container: string) => ContainerLog | undefined;
  /** It could not be made, by this error. */
  waits: (container: string, error: unknown) => void;
  /** It was made. Resolves when it has ended, and that is known. */
  runs: (container: string, run: ContainerRun) => Promise<Terminated>;
}

export function createContainerSet(): ContainerSet {
  const states = new Map<string, ContainerState>();
  const runs = new Map<string, ContainerRun>();
  const live = new Set<ContainerRun>();
  return {
    states,
    live: () => [...live],
    logOf: (container) => runs.get(container)?.log,
    waits: (container, error) => {
      states.set(container, waitingBy(error, states.get(container)));
    },
    runs: async (container, run) => {
      runs.set(container, run);
      live.add(run);
      states.set(container, { running: { startedAt: run.startedAt } });
      const terminated = await run.ended;
      live.delete(run);
      states.set(container, { terminated });
      return terminated;
    },
  };
}

/** An image that could not be pulled is backed off from at the next try. */
function waitingBy(error: unknown, before: ContainerState | undefined): ContainerState {
  const message = error instanceof Error ? error.message : String(error);
  const reason = error instanceof NotYet ? error.reason : 'CreateContainerError';
  const was = before && 'waiting' in before ? before.waiting.reason : '';
  if (reason === 'ErrImagePull' && /^(ErrImagePull|ImagePullBackOff)$/.test(was))
    return { waiting: { reason: 'ImagePullBackOff', message: `Back-off: ${message}` } };
  return { waiting: { reason, message } };
}
