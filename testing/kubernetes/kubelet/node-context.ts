import type { KubernetesApi } from '../api.js';
import type { Watchdog } from '../watchdog.js';
import type { GpuShelf } from './gpus.js';
import type { MemoryWatch } from './memory.js';
import type { Images } from './pod.js';

/** What the pods of one node share. */
export interface NodeContext {
  /** As the node. */
  api: KubernetesApi;
  /** Volumes and working directories of pods are below it, by uid. */
  directory: string;
  images: Images;
  /** Variables that every program gets, below those of its image and its container. */
  env: Readonly<Record<string, string>>;
  gpus: GpuShelf;
  memory: MemoryWatch;
  watchdog: Watchdog;
  /** Aborted when the node is lost or stopped: nobody is told of anything from then on. */
  gone: AbortSignal;
  /** Told what goes wrong that no pod's status says. */
  report: (line: string) => void;
}
