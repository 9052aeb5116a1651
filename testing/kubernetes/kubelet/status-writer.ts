import { setTimeout as delay } from 'node:timers/promises';
import { ApiRefusal, refusedWith } from '../api.js';
import type { NodeContext } from './node-context.js';
import type { Pod } from './pod.js';

/** Tells the apiserver of one pod, one write at a time and always of the newest. */
export interface StatusWriter {
  /** Resolves when what is so now, or something newer, was written, or the pod is gone. */
  write: () => Promise<void>;
}

const PAUSE_MS = 200;

export const pathOf = ({ metadata }: Pod): string =>
  `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;

export function createStatusWriter(
  node: NodeContext,
  pod: Pod,
  status: () => object,
): StatusWriter {
  const { uid } = pod.metadata;
  const writeNow = (): Promise<void> =>
    insist(node, pod, () =>
      node.api.patch(
        `${pathOf(pod)}/status`,
        { metadata: { uid }, status: status() },
        'strategic-merge',
      ),
    );
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const write = (): Promise<void> =>
    (next ??= last.then(() => {
      next = undefined;
      return (last = writeNow());
    }));
  return { write };
}

/** Its programs have ended: the object of a deleted pod goes. */
export const removeObject = (node: NodeContext, pod: Pod): Promise<void> =>
  insist(node, pod, () =>
    node.api.delete(pathOf(pod), {
      gracePeriodSeconds: 0,
      preconditions: { uid: pod.metadata.uid },
    }),
  );

/** Tries until it is done, the pod is gone, or the node is. */
async function insist(node: NodeContext, pod: Pod, work: () => Promise<void>): Promise<void> {
  while (!node.gone.aborted) {
    try {
      await work();
      return;
    } catch (error) {
      if (refusedWith(error, 404)) return;
      // A server that is away is nothing to tell of, and a conflict is settled by the next try.
      if (error instanceof ApiRefusal && !refusedWith(error, 409))
        node.report(`${pod.metadata.name}: ${error.message}`);
      // Another pod has the name: a patch with a wrong uid is answered so.
      if (refusedWith(error, 422)) return;
      await delay(PAUSE_MS, undefined, { signal: node.gone }).catch(() => undefined);
    }
  }
}
