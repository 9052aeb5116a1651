import type { HostSpec } from '../../temporal/contracts/route.js';
import { vendorName } from '../../temporal/ids.js';

/** A model server to start: one of a model, or one that many models share. */
export interface ServerPlan {
  /** Of its directory. */
  name: string;
  /** Of the harness. */
  step: 'serve' | 'serve-shared';
  /** Its `/ping` has to name it; null for one that many models share, each of which tells its own. */
  digest: string | null;
  /** What it is told beyond what every one is told. */
  environment: Record<string, string>;
}

/** How much a shared server keeps in memory; the models least recently used leave it first, and come back when they are asked. */
export interface SharedRoom {
  models: number;
  memoryMib: number;
}

export const dedicatedServer = (spec: HostSpec): ServerPlan => ({
  name: spec.name,
  step: 'serve',
  digest: spec.digest,
  environment: {
    MODELYARD_MODEL_ID: spec.modelId,
    MODELYARD_MODEL_URI: spec.modelUri,
    MODELYARD_MODEL_DIGEST: spec.digest,
    MODELYARD_TASK: spec.task,
  },
});

export const sharedServer = (target: string, room: SharedRoom): ServerPlan => ({
  name: vendorName('shared', target),
  step: 'serve-shared',
  digest: null,
  environment: {
    MODELYARD_SHARED_MODELS: String(room.models),
    MODELYARD_SHARED_MEMORY_MIB: String(room.memoryMib),
  },
});
