import { z } from 'zod';
import { BY_DIGEST } from '../activities/compute/kubernetes/images.js';
import { experimentalNamespace } from '../activities/compute/kubernetes/placement.js';
import { isPlatforms } from '../activities/compute/variables.js';
import { Duration } from '../temporal/contracts/scalars.js';

const Name = z.string().min(1).max(253);
const Namespace = z.string().regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, {
  error: (issue) => `expected a namespace's name, got ${JSON.stringify(issue.input)}`,
});

/** Where pods may go; a tier's words win over a class's. */
const Placement = z.strictObject({
  nodeSelector: z.record(z.string(), z.string()).exactOptional(),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().exactOptional(),
        operator: z.enum(['Exists', 'Equal']).exactOptional(),
        value: z.string().exactOptional(),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).exactOptional(),
        tolerationSeconds: z.int().nonnegative().exactOptional(),
      }),
    )
    .exactOptional(),
  priorityClass: Name.exactOptional(),
  /** A Kueue LocalQueue of the tier's namespace. */
  queue: Name.exactOptional(),
});

/** Jobs as Kubernetes Jobs. Secrets are named here and stand in the cluster: the worker never has their values. */
export const KubernetesCompute = z
  .strictObject({
    kind: z.literal('kubernetes'),
    /** Never guessed: another cluster might be meant. */
    cluster: z.union([
      z.literal('in-cluster'),
      z.strictObject({ kubeconfig: z.string().min(1), context: Name.exactOptional() }),
    ]),
    /**
     * Where the jobs of a tier run. Without `experimental` they run in `standard`; critical jobs never run where another tier
     * does not say so.
     */
    namespaces: z.strictObject({
      standard: Namespace,
      critical: Namespace.exactOptional(),
      experimental: Namespace.exactOptional(),
    }),
    /** The harness's image (deploy/image). */
    image: z.string().regex(BY_DIGEST, {
      error: (issue) =>
        `expected an image by digest, <repository>@sha256:<hex>, got ${JSON.stringify(issue.input)}`,
    }),
    /** Repositories, or what they begin with, whose images a definition of kind 'image' may name. */
    images: z.array(z.string().min(1)).exactOptional(),
    /** One of artifacts.roots, for results too long to be told; @default the first */
    results: z.string().min(1).exactOptional(),
    /** MLflow's address as the pods see it; @default registry.trackingUri */
    trackingUri: z.url().exactOptional(),
    /** Keys of a Secret with the jobs' credentials for MLflow. */
    registryAuth: z
      .strictObject({
        secret: Name,
        username: Name.exactOptional(),
        password: Name.exactOptional(),
        token: Name.exactOptional(),
      })
      .exactOptional(),
    /** Of the pods; it gets no token. */
    serviceAccount: Name.exactOptional(),
    imagePullSecrets: z.array(Name).exactOptional(),
    env: z.record(z.string(), z.string()).exactOptional(),
    /** By the names that definitions use. */
    secrets: z.record(z.string(), z.strictObject({ secret: Name, key: Name })).exactOptional(),
    /** By class and by tier. */
    placement: z
      .strictObject({
        cpu: Placement.exactOptional(),
        gpu: Placement.exactOptional(),
        'high-memory': Placement.exactOptional(),
        critical: Placement.exactOptional(),
        standard: Placement.exactOptional(),
        experimental: Placement.exactOptional(),
      })
      .exactOptional(),
    /** How long a job may wait for its pod to begin, a queue's waiting apart; @default '15m' */
    startDeadline: Duration.exactOptional(),
    /** Between SIGTERM and SIGKILL; @default '30s' */
    grace: Duration.exactOptional(),
    /** How long an ended job is kept: longer than any outage of the workers; @default '7d' */
    ttl: Duration.exactOptional(),
  })
  .superRefine(({ namespaces, placement, env = {} }, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (namespaces.critical === experimentalNamespace(namespaces)) {
      const message = `expected a namespace apart from that of experimental jobs, got ${namespaces.critical} for both`;
      refuse(['namespaces', 'critical'], message);
    }
    const { critical, experimental } = placement ?? {};
    if (
      critical?.priorityClass !== undefined &&
      critical.priorityClass === experimental?.priorityClass
    )
      refuse(
        ['placement', 'experimental', 'priorityClass'],
        `expected another than critical jobs have, got ${critical.priorityClass} for both`,
      );
    for (const name of Object.keys(env).filter(isPlatforms))
      refuse(['env', name], "this variable is the platform's; choose another name");
  });
export type KubernetesCompute = z.infer<typeof KubernetesCompute>;
