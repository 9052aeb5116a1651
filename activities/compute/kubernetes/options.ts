import type { JobSpec } from '../../../temporal/contracts/job.js';
import type { Artifacts } from '../../artifacts/port.js';
import type { ResourceClasses } from '../classes.js';

/** Where the apiserver is and who asks. A kubeconfig is never guessed: another cluster might be meant. */
export type Cluster = 'in-cluster' | { readonly kubeconfig: string; readonly context?: string };

/** Where the pods of a class or a tier may go. A tier's words win over a class's. */
export interface Placement {
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly Toleration[];
  readonly priorityClass?: string;
  /** A Kueue LocalQueue of the job's namespace. */
  readonly queue?: string;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: 'Exists' | 'Equal';
  readonly value?: string;
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  readonly tolerationSeconds?: number;
}

export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

/** Keys of one Secret that hold the jobs' credentials for MLflow. */
export interface RegistryAuth {
  readonly secret: string;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
}

/** What stands in a Job's manifest, besides what its spec says. */
export interface JobSettings {
  /** Namespaces by tier. Experimental jobs without one of their own run in the standard one; critical ones never do. */
  readonly namespaces: {
    readonly standard: string;
    readonly critical?: string;
    readonly experimental?: string;
  };
  /** The harness's image, by digest. */
  readonly image: string;
  /** Repositories, or what they begin with, whose images a definition of kind 'image' may name. */
  readonly images?: readonly string[];
  /** Artifact root below which jobs leave results too long for a termination message. */
  readonly results: string;
  readonly registry: { readonly trackingUri: string; readonly allowedTypes: readonly string[] };
  readonly registryAuth?: RegistryAuth;
  readonly serviceAccount?: string;
  readonly imagePullSecrets?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** By the names that definitions use. */
  readonly secrets?: Readonly<Record<string, SecretKey>>;
  readonly placement?: Partial<Record<JobSpec['resources']['class'] | JobSpec['tier'], Placement>>;
  readonly classes?: Partial<ResourceClasses>;
  /** Between SIGTERM and SIGKILL, milliseconds. @default 30 s: the least notice that the large clouds give of taking a node */
  readonly graceMs?: number;
  /** How long an ended Job is kept, milliseconds. @default 7 days: longer than any outage of who reads it */
  readonly ttlMs?: number;
}

export interface KubernetesComputeOptions extends JobSettings {
  readonly cluster: Cluster;
  readonly artifacts: Pick<Artifacts, 'get'>;
  /** How long a Job may wait for its pod to begin, milliseconds; what a queue holds back does not count. @default 15 min */
  readonly startDeadlineMs?: number;
  /** How long a pod's deletion may outlast its grace before its node is taken for lost, milliseconds. @default 60 s */
  readonly lostAfterMs?: number;
}

const LIMITS = { startDeadlineMs: 15 * 60_000, lostAfterMs: 60_000 } as const;

export function limitsOf(
  options: Pick<KubernetesComputeOptions, 'startDeadlineMs' | 'lostAfterMs'>,
): { startDeadlineMs: number; lostAfterMs: number } {
  const { startDeadlineMs, lostAfterMs } = { ...LIMITS, ...options };
  return { startDeadlineMs, lostAfterMs };
}
