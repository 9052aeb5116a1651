import type { V1Job } from '@kubernetes/client-node';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import { LABELS } from './marks.js';
import type { JobSettings, Placement } from './options.js';

/** Where a job goes: a tier has a namespace, and class and tier say which nodes and which queue. */
export interface Place extends Placement {
  readonly namespace: string;
}

/** Throws (Misconfigured) for a tier that has no namespace: critical jobs share none by default. */
export function placeOf(
  { tier, resources, target }: Pick<JobSpec, 'tier' | 'resources' | 'target'>,
  { namespaces, placement = {} }: Pick<JobSettings, 'namespaces' | 'placement'>,
): Place {
  const namespace = tier === 'experimental' ? experimentalNamespace(namespaces) : namespaces[tier];
  if (namespace === undefined) {
    throw failure(
      'Misconfigured',
      `compute.targets.${target}.namespaces.${tier}: expected a namespace for the jobs of tier '${tier}', got none`,
    );
  }
  const [byClass, byTier] = [placement[resources.class] ?? {}, placement[tier] ?? {}];
  const priorityClass = byTier.priorityClass ?? byClass.priorityClass;
  const queue = byTier.queue ?? byClass.queue;
  return {
    namespace,
    nodeSelector: { ...byClass.nodeSelector, ...byTier.nodeSelector },
    tolerations: [...(byClass.tolerations ?? []), ...(byTier.tolerations ?? [])],
    ...(priorityClass !== undefined && { priorityClass }),
    ...(queue !== undefined && { queue }),
  };
}

/** Every namespace a target's jobs may be in. */
export function namespacesOf({ namespaces }: Pick<JobSettings, 'namespaces'>): string[] {
  return [...new Set(Object.values(namespaces))];
}

/** Where a Job was put, in words for a run's record. */
export function sayPlacement({ metadata, spec }: V1Job): string {
  const queue = metadata?.labels?.[LABELS.queue];
  const { nodeSelector = {}, priorityClassName } = spec?.template.spec ?? {};
  const nodes = Object.entries(nodeSelector).map(([key, value]) => `${key}=${value}`);
  return [
    `namespace ${metadata?.namespace ?? ''}`,
    ...(queue === undefined ? [] : [`queue ${queue}`]),
    ...(nodes.length === 0 ? [] : [`nodes ${nodes.join(',')}`]),
    ...(priorityClassName === undefined ? [] : [`priority ${priorityClassName}`]),
  ].join(', ');
}

export function experimentalNamespace(namespaces: JobSettings['namespaces']): string {
  return namespaces.experimental ?? namespaces.standard;
}
