import type { V1PodSpec, V1Toleration } from '@kubernetes/client-node';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { DEFAULT_CLASSES, type Size, sizeOf } from '../classes.js';
import { type Containers, containersOf, GPU } from './containers.js';
import { DOCUMENT } from './environment.js';
import { ANNOTATIONS } from './marks.js';
import type { JobSettings } from './options.js';
import type { Place } from './placement.js';

const DEFAULT_GRACE_MS = 30_000;
const NOBODY = 65_532;

/** The pod of a job, within the restricted profile of the Pod Security Standards. */
export function podOf(job: JobSpec, settings: JobSettings, place: Place): V1PodSpec {
  const size = sizeOf(job, { ...DEFAULT_CLASSES, ...settings.classes });
  const containers = containersOf(job, settings, size);
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: Math.ceil(job.timeoutMs / 1000),
    terminationGracePeriodSeconds: Math.ceil((settings.graceMs ?? DEFAULT_GRACE_MS) / 1000),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(settings.serviceAccount !== undefined && { serviceAccountName: settings.serviceAccount }),
    ...(settings.imagePullSecrets && {
      imagePullSecrets: settings.imagePullSecrets.map((name) => ({ name })),
    }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: NOBODY,
      runAsGroup: NOBODY,
      fsGroup: NOBODY,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...containers,
    volumes: volumesOf(containers),
    ...whereTo(place, size),
  };
}

function volumesOf({
  initContainers = [],
  containers,
}: Containers): NonNullable<V1PodSpec['volumes']> {
  const mounts = [...initContainers, ...containers].flatMap(
    ({ volumeMounts = [] }) => volumeMounts,
  );
  const names = [...new Set(mounts.map(({ name }) => name))];
  const fieldPath = `metadata.annotations['${ANNOTATIONS.document}']`;
  const items = [{ path: DOCUMENT, fieldRef: { fieldPath } }];
  return names.map((name) =>
    name === 'input' ? { name, downwardAPI: { items } } : { name, emptyDir: {} },
  );
}

function whereTo(
  { nodeSelector = {}, tolerations = [], priorityClass }: Place,
  { gpu }: Size,
): Partial<V1PodSpec> {
  const gpuTaint: V1Toleration = { key: GPU, operator: 'Exists', effect: 'NoSchedule' };
  return {
    nodeSelector,
    tolerations: [...tolerations, ...(gpu > 0 ? [gpuTaint] : [])],
    ...(priorityClass !== undefined && { priorityClassName: priorityClass }),
  };
}
