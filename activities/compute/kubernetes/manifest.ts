import type { V1Job, V1JobSpec } from '@kubernetes/client-node';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import { specDigest } from '../spec-digest.js';
import { ANNOTATIONS, LABELS, labelValue, MANAGED_BY } from './marks.js';
import type { JobSettings } from './options.js';
import { placeOf } from './placement.js';
import { podOf } from './pod.js';

const DEFAULT_TTL_MS = 7 * 24 * 60 * 60 * 1000;
/** Kubernetes' limit for the keys and values of one object's annotations. */
const ANNOTATION_BYTES = 256 * 1024;
/** Exit codes of the job contract by which a job says itself that no other try would help, or when. */
const SAID_BY_JOB = Array.from({ length: 16 }, (_, index) => 64 + index);

/** Everything about the Job is decided here, so that a refusal comes before anything is created. */
export function manifestOf(
  job: JobSpec,
  settings: JobSettings,
  nowMs: number,
): V1Job & { metadata: { name: string; namespace: string } } {
  const place = placeOf(job, settings);
  const labels = {
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.tag]: labelValue(job.tag),
    ...(place.queue !== undefined && { [LABELS.queue]: place.queue }),
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: job.name,
      namespace: place.namespace,
      labels,
      annotations: {
        [ANNOTATIONS.owner]: job.owner,
        [ANNOTATIONS.spec]: specDigest(job),
        [ANNOTATIONS.target]: job.target,
      },
    },
    spec: {
      ...runsOnce(job, settings, nowMs),
      template: {
        metadata: { labels, annotations: documentOf(job) },
        spec: podOf(job, settings, place),
      },
    },
  };
}

/** Attempts are the platform's: Kubernetes starts a pod again only when it took the first away itself. */
function runsOnce(
  { deadline }: JobSpec,
  { ttlMs = DEFAULT_TTL_MS }: JobSettings,
  nowMs: number,
): Omit<V1JobSpec, 'template'> {
  return {
    parallelism: 1,
    completions: 1,
    backoffLimit: 0,
    // Demanded by podFailurePolicy: a pod that is going away still has its gpu.
    podReplacementPolicy: 'Failed',
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        {
          action: 'FailJob',
          onExitCodes: { operator: 'In', values: SAID_BY_JOB },
        },
      ],
    },
    activeDeadlineSeconds: Math.max(1, Math.ceil((Date.parse(deadline) - nowMs) / 1000)),
    ttlSecondsAfterFinished: Math.ceil(ttlMs / 1000),
  };
}

function documentOf({ name, document }: JobSpec): Record<string, string> {
  const text = JSON.stringify(document);
  const room = ANNOTATION_BYTES - Buffer.byteLength(ANNOTATIONS.document);
  const bytes = Buffer.byteLength(text);
  if (bytes <= room) return { [ANNOTATIONS.document]: text };
  throw failure(
    'InvalidDefinition',
    `job ${name}: expected a job document of at most ${String(room)} bytes, which is what a pod's annotations hold, ` +
      `got ${String(bytes)}; keep what is long, such as training.params, in a file and name it`,
  );
}
