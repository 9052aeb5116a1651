import { z } from 'zod';

/** What the platform writes on a Job, and finds it by. */
export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  tag: 'modelyard.dev/tag',
  /** Its end is recorded: nobody lists or watches it any more. */
  ended: 'modelyard.dev/ended',
  /** Kueue's. */
  queue: 'kueue.x-k8s.io/queue-name',
  /** Kubernetes' own, on a Job's pods. */
  jobName: 'batch.kubernetes.io/job-name',
} as const;

export const ANNOTATIONS = {
  owner: 'modelyard.dev/owner',
  spec: 'modelyard.dev/spec',
  target: 'modelyard.dev/target',
  end: 'modelyard.dev/end',
  /** On the pod: the job document. */
  document: 'modelyard.dev/document',
} as const;

export const MANAGED_BY = 'modelyard';
export const GOING_SELECTOR = `${LABELS.managedBy}=${MANAGED_BY},!${LABELS.ended}`;

const LABEL_CHARACTERS = 63;

/** `text` as a label's value: what a label cannot hold becomes '-', and its ends are letters or digits. */
export function labelValue(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, LABEL_CHARACTERS)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}

/** One Job among all that ever had its name. */
export interface JobIdentity {
  readonly namespace: string;
  readonly uid: string;
}

const Identity = z
  .string()
  .regex(/^[a-z0-9-]+\/[0-9a-z-]+$/)
  .transform((text): JobIdentity => {
    const at = text.indexOf('/');
    return { namespace: text.slice(0, at), uid: text.slice(at + 1) };
  });

export const sayIdentity = ({ namespace, uid }: JobIdentity): string => `${namespace}/${uid}`;

/** Undefined for what this adapter did not write. */
export function readIdentity(uid: string): JobIdentity | undefined {
  return Identity.safeParse(uid).data;
}
