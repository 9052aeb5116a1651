import type { V1Job } from '@kubernetes/client-node';
import type { JobObservation } from '../../../temporal/contracts/job.js';
import { disruptionOf, type Failed, type LogPlace, told } from './outcome.js';
import { isLost, isOver, type PodFacts } from './pods.js';
import type { Refusal } from './refusal.js';

/** Where a Job stands that has not ended. */
export type Progress =
  | { at: 'queued' | 'starting'; detail: string }
  | { at: 'running'; node: string; sinceMs: number; log: LogPlace }
  /** It will not get on by itself. */
  | { at: 'stuck'; failed: Failed };

/** What was read of one. */
export interface Seen {
  readonly job: V1Job;
  /** The Job's own, newest first. */
  readonly pods: readonly PodFacts[];
  /** Why no pod could be made, where it was asked for and told. */
  readonly refusal: Refusal | undefined;
  /** When a pod of it was last preempted, where that was asked for and told. */
  readonly preemptedAtMs?: number | undefined;
}

export interface Moment {
  readonly nowMs: number;
  readonly startDeadlineMs: number;
  readonly lostAfterMs: number;
}

/** A pod comes within a second or two; later it is something that refuses it. */
const POD_DUE_MS = 10_000;
/** The controller waits longer before it makes another pod the more often one was lost. */
const NEXT_POD_MS = 10 * 60_000;
/** An event is written a moment after what it tells of. */
const EVENT_DUE_MS = 3_000;
/** The program has this long to print something before a silent one counts as running. */
const SILENT_MS = 10_000;
const LINE_CHARACTERS = 200;

const IMAGE = [
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
];
const CONTAINER = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
];
/** What no waiting heals. */
const HOPELESS = ['InvalidImageName', 'ErrImageNeverPull'];

interface Wait {
  readonly at: 'queued' | 'starting';
  /** The name of the reason, as it stands in a failure's type. */
  readonly type: string;
  readonly detail: string;
}

/** Whether a pod is overdue that nothing but a refusal explains. */
export function lacksPod({ job, pods }: Pick<Seen, 'job' | 'pods'>, nowMs: number): boolean {
  if (isDeleting(job) || isHeldBack(job) || !pods.every(isOver)) return false;
  return nowMs - sinceMs(job, pods) >= POD_DUE_MS;
}

/** Whether it waits for another pod than its first, and something may say why. */
export function lostPod({ job, pods }: Pick<Seen, 'job' | 'pods'>, nowMs: number): boolean {
  if (isDeleting(job) || isHeldBack(job)) return false;
  const next = pods.find((pod) => !isOver(pod));
  const since = sinceMs(job, pods);
  if (since - madeMs(job) < POD_DUE_MS) return false;
  return next ? next.begun.length === 0 : nowMs - since >= EVENT_DUE_MS;
}

export function progressOf(seen: Seen, moment: Moment): Progress {
  const { job, pods } = seen;
  const { namespace = '', name = '' } = job.metadata ?? {};
  if (isDeleting(job)) return { at: 'starting', detail: 'it is being deleted' };
  if (isHeldBack(job))
    return { at: 'queued', detail: `held back by its queue in namespace ${namespace}` };
  const pod = pods.find((each) => !isOver(each));
  if (pod !== undefined && isLost(pod, moment)) return { at: 'stuck', failed: lost(name, pod) };
  if (pod?.running !== undefined) {
    const { container, sinceMs } = pod.running;
    const node = pod.node ?? '(unknown)';
    return { at: 'running', node, sinceMs, log: { pod: pod.name, container } };
  }
  if (pod !== undefined && pod.begun.length > 0 && !isHeldUp(pod))
    return { at: 'starting', detail: 'between two of its containers' };
  const wait = afterPreemption(seen, pod === undefined ? withoutPod(seen, moment) : waitOf(pod));
  return overdue(job, { wait, pods, pod }, moment) ?? wait;
}

/** As the port says it; `tail` is what the job printed last. */
export function sayProgress(
  progress: Exclude<Progress, { at: 'stuck' }>,
  { namespace, tail, nowMs }: { namespace: string; tail: string; nowMs: number },
): Extract<JobObservation, { phase: 'queued' | 'starting' | 'running' }> {
  if (progress.at !== 'running') return { phase: progress.at, detail: progress.detail };
  const elapsedMs = Math.max(0, nowMs - progress.sinceMs);
  const where = `for ${(elapsedMs / 1000).toFixed(0)} s on node ${progress.node}, namespace ${namespace}`;
  const line = (tail.trimEnd().split('\n').at(-1) ?? '').trim().slice(0, LINE_CHARACTERS);
  if (line !== '') return { phase: 'running', detail: `${where}: ${line}` };
  return { phase: elapsedMs < SILENT_MS ? 'starting' : 'running', detail: where };
}

const isDeleting = ({ metadata }: V1Job): boolean => metadata?.deletionTimestamp !== undefined;
const isHeldBack = ({ spec }: V1Job): boolean => spec?.suspend === true;
const isHeldUp = ({ waiting }: PodFacts): boolean =>
  waiting !== undefined && [...IMAGE, ...CONTAINER].includes(waiting.reason);

function waitOf({ unschedulable, waiting, node }: PodFacts): Wait {
  if (unschedulable !== undefined)
    return {
      at: 'queued',
      type: 'Unschedulable',
      detail: `no node takes its pod: ${unschedulable}`,
    };
  const on = node === undefined ? '' : ` on node ${node}`;
  if (waiting === undefined)
    return { at: 'starting', type: 'NotStarted', detail: `its pod is starting${on}` };
  const said = `${waiting.reason}${waiting.message === '' ? '' : `: ${waiting.message}`}`;
  if (IMAGE.includes(waiting.reason))
    return { at: 'starting', type: 'ImagePull', detail: `its image is not there${on}: ${said}` };
  if (CONTAINER.includes(waiting.reason))
    return {
      at: 'starting',
      type: 'ContainerConfig',
      detail: `its container cannot be made${on}: ${said}`,
    };
  return { at: 'starting', type: 'NotStarted', detail: `its pod is starting${on}: ${said}` };
}

function withoutPod(seen: Seen, { nowMs }: Moment): Wait {
  const { job, pods, refusal } = seen;
  const { namespace = '', name = '' } = job.metadata ?? {};
  // An older one is of a pod that came after all.
  if (refusal !== undefined && refusal.atMs >= sinceMs(job, pods))
    return { at: 'queued', type: refusal.type, detail: sayRefusal(refusal, namespace) };
  const [last] = pods;
  const taken = last && disruptionOf(last);
  if (taken !== undefined)
    return {
      at: 'queued',
      type: taken.type,
      detail: `its pod was ${taken.how}; another one is coming`,
    };
  if (!lacksPod(seen, nowMs))
    return { at: 'queued', type: 'NoPod', detail: 'its pod is not there yet' };
  const detail =
    `no pod is made for it: a quota of namespace ${namespace} is used up, or an admission refuses it; ` +
    `\`kubectl describe job ${name} -n ${namespace}\` says which`;
  return { at: 'queued', type: 'NoPod', detail };
}

/** What else keeps another pod from starting goes by its own name. */
function afterPreemption({ job, pods, preemptedAtMs = 0 }: Seen, wait: Wait): Wait {
  if (wait.type !== 'NoPod' && wait.type !== 'Unschedulable') return wait;
  if (preemptedAtMs < sinceMs(job, pods) - NEXT_POD_MS) return wait;
  const detail = `its pod was preempted by a pod of higher priority; ${wait.detail}`;
  return { ...wait, type: 'Preempted', detail };
}

function sayRefusal({ type, words }: Refusal, namespace: string): string {
  const why = {
    Quota: `a quota of namespace ${namespace} is used up: `,
    Admission: `an admission of namespace ${namespace} refuses it: `,
    NoPod: '',
  }[type];
  return `no pod is made for it: ${why}${words}`;
}

function overdue(
  job: V1Job,
  { wait, pods, pod }: { wait: Wait; pods: readonly PodFacts[]; pod: PodFacts | undefined },
  { nowMs, startDeadlineMs }: Moment,
): Progress | undefined {
  const name = job.metadata?.name ?? '';
  const hopeless = HOPELESS.includes(pod?.waiting?.reason ?? '');
  if (!hopeless && nowMs - sinceMs(job, pods) < startDeadlineMs) return undefined;
  const after = hopeless ? '' : ` within ${String(startDeadlineMs / 1000)} s`;
  const message = `job ${name} did not start${after}: ${wait.detail}`;
  const cause = wait.type === 'Preempted' ? 'disrupted' : 'start-failed';
  return { at: 'stuck', failed: told(cause, wait.type, message) };
}

/** The moment the Job began to wait: it was made, let go by its queue, lost its pod, got another, or came to its next container. */
function sinceMs(job: V1Job, pods: readonly PodFacts[]): number {
  const [made, counted] = [madeMs(job), countedAtMs(job.metadata)];
  // Sooner it is the beginning that was written down.
  const lastCounted = pods.every(isOver) && counted - made >= POD_DUE_MS ? counted : made;
  return Math.max(lastCounted, ...pods.flatMap((pod) => [pod.createdAtMs, pod.lastEndMs]));
}

const madeMs = ({ metadata, status }: V1Job): number =>
  (status?.startTime ?? metadata?.creationTimestamp)?.getTime() ?? Infinity;

/** When its controller last changed what the Job's status says: a pod that was preempted or drained leaves nothing else behind. */
function countedAtMs({ managedFields = [] }: V1Job['metadata'] = {}): number {
  const ofStatus = managedFields.filter(({ subresource }) => subresource === 'status');
  return Math.max(0, ...ofStatus.map(({ time }) => time?.getTime() ?? 0));
}

function lost(name: string, pod: PodFacts): Failed {
  const gone = disruptionOf(pod)?.type === 'NodeLost';
  const node = pod.node ?? '(unknown)';
  const message = gone
    ? `job ${name} was ended (disrupted): node ${node} does not answer, and its pod cannot be ended there`
    : `job ${name} was ended (disrupted): its pod was deleted, and node ${node} does not let go of it`;
  return told('disrupted', gone ? 'NodeLost' : 'PodStuck', message);
}
