import { quantityOf } from './quantity.js';
import type { Pod } from './pod.js';

const GPU = 'nvidia.com/gpu';

/** The GPUs of a node, by number. */
export interface GpuShelf {
  /** The numbers a pod's containers see. */
  take: (pod: Pod) => number[];
  giveBack: (pod: Pod) => void;
}

export function createGpuShelf(count: number): GpuShelf {
  const holders = Array.from<string | undefined>({ length: count });
  return {
    take: ({ metadata, spec }) => {
      const wanted = spec.containers
        .map(({ resources }) => quantityOf(resources?.limits?.[GPU] ?? '0'))
        .reduce((a, b) => a + b, 0);
      const free = [...holders.keys()].filter((gpu) => holders[gpu] === undefined);
      const taken = free.slice(0, wanted);
      for (const gpu of taken) holders[gpu] = metadata.uid;
      return taken;
    },
    giveBack: ({ metadata }) => {
      for (const [gpu, holder] of holders.entries())
        if (holder === metadata.uid) holders[gpu] = undefined;
    },
  };
}
