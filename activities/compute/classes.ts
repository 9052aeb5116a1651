import type { JobSpec } from '../../temporal/contracts/job.js';

/** What a job takes of a machine. */
export interface Size {
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly gpu: number;
}

export type ResourceClasses = Readonly<Record<JobSpec['resources']['class'], Size>>;

export const DEFAULT_CLASSES: ResourceClasses = {
  cpu: { cpu: 1, memoryMiB: 2048, gpu: 0 },
  gpu: { cpu: 2, memoryMiB: 8192, gpu: 1 },
  'high-memory': { cpu: 1, memoryMiB: 8192, gpu: 0 },
};

/** The job's own numbers, else its class's. */
export function sizeOf({ resources }: JobSpec, classes: ResourceClasses): Size {
  const standard = classes[resources.class];
  return {
    cpu: resources.cpu ?? standard.cpu,
    memoryMiB: resources.memoryMiB ?? standard.memoryMiB,
    gpu: resources.gpu ?? standard.gpu,
  };
}
