import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import type { Demand } from './records.js';

export type ResourceClasses = Readonly<Record<JobSpec['resources']['class'], Demand>>;

export const DEFAULT_CLASSES: ResourceClasses = {
  cpu: { cpu: 1, memoryMiB: 2048, gpu: 0 },
  gpu: { cpu: 2, memoryMiB: 8192, gpu: 1 },
  'high-memory': { cpu: 1, memoryMiB: 8192, gpu: 0 },
};

/** What the job takes from the slots: its own numbers, else its class's. Throws when no queueing could ever help. */
export function demandOf({ resources }: JobSpec, classes: ResourceClasses, slots: Demand): Demand {
  const standard = classes[resources.class];
  const demand = {
    cpu: resources.cpu ?? standard.cpu,
    memoryMiB: resources.memoryMiB ?? standard.memoryMiB,
    gpu: resources.gpu ?? standard.gpu,
  };
  for (const field of ['cpu', 'memoryMiB', 'gpu'] as const) {
    if (demand[field] > slots[field])
      refuse(field, resources, { asked: demand[field], total: slots[field] });
  }
  return demand;
}

function refuse(
  field: keyof Demand,
  resources: JobSpec['resources'],
  { asked, total }: { asked: number; total: number },
): never {
  const has = `the target has ${String(total)} in all`;
  if (resources[field] !== undefined) {
    throw failure(
      'InvalidDefinition',
      `training.resources.${field}: asked for ${String(asked)}, and ${has}`,
    );
  }
  throw failure(
    'Misconfigured',
    `class '${resources.class}' takes ${String(asked)} ${field}, and ${has}; change the class or the slots`,
  );
}
