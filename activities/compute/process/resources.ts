import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import { type ResourceClasses, sizeOf } from '../classes.js';
import type { Demand } from './records.js';

/** What the job takes from the slots: its own numbers, else its class's. Throws when no queueing could ever help. */
export function demandOf(job: JobSpec, classes: ResourceClasses, slots: Demand): Demand {
  const demand = sizeOf(job, classes);
  for (const field of ['cpu', 'memoryMiB', 'gpu'] as const) {
    if (demand[field] > slots[field])
      refuse(field, job.resources, { asked: demand[field], total: slots[field] });
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
