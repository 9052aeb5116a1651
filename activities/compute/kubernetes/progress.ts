import type { V1Job } from '@kubernetes/client-node';
import type { JobObservation } from '../../../temporal/contracts/job.js';
import { disruptionOf, type Failed, type LogPlace, told } from './outcome.js';
import { isLost, isOver, type PodFacts } from './pods.js';

/** Where a Job stands that has not ended. */
export type Progress =
  | { at: 'queued' | 'starting'; detail: string }
  | { at: 'running'; node: string; sinceMs: number; log: LogPlace }
  /** It will not get on by itself. */
  | { at: 'stuck'; failed: Failed };

export interface Moment {
  readonly nowMs: number;
  readonly startDeadlineMs: number;
  readonly lostAfterMs: number;
}

/** A pod comes within a second or two; later it is something that refuses it. */
const POD_DUE_MS = 10_000;
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

/** `pods` are the Job's own, newest first. */
export function progressOf(job: V1Job, pods: readonly PodFacts[], moment: Moment): Progress {
  const { namespace = '', name = '' } = job.metadata ?? {};
  if (job.metadata?.deletionTimestamp) return { at: 'starting', detail: 'it is being deleted' };
  if (job.spec?.suspend === true)
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
  const wait = pod === undefined ? withoutPod(job, pods, moment) : waitOf(pod);
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

/** The apiserver's words on a pod that it refuses are in an event, which the worker's Role does not read. */
function withoutPod(job: V1Job, pods: readonly PodFacts[], { nowMs }: Moment): Wait {
  const [last] = pods;
  const taken = last && disruptionOf(last);
  if (taken !== undefined)
    return {
      at: 'queued',
      type: taken.type,
      detail: `its pod was ${taken.how}; another one is coming`,
    };
  if (nowMs - sinceMs(job, pods) < POD_DUE_MS)
    return { at: 'queued', type: 'NoPod', detail: 'its pod is not there yet' };
  const { namespace = '', name = '' } = job.metadata ?? {};
  const detail =
    `no pod is made for it: a quota of namespace ${namespace} is used up, or an admission refuses it; ` +
    `\`kubectl describe job ${name} -n ${namespace}\` says which`;
  return { at: 'queued', type: 'NoPod', detail };
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
  return { at: 'stuck', failed: told('start-failed', wait.type, message) };
}

/** The moment the Job began to wait: it was made, let go by its queue, got another pod, or came to its next container. */
function sinceMs({ metadata, status }: V1Job, pods: readonly PodFacts[]): number {
  const made = (status?.startTime ?? metadata?.creationTimestamp)?.getTime() ?? Infinity;
  return Math.max(made, ...pods.flatMap((pod) => [pod.createdAtMs, pod.lastEndMs]));
}

function lost(name: string, pod: PodFacts): Failed {
  const gone = disruptionOf(pod)?.type === 'NodeLost';
  const node = pod.node ?? '(unknown)';
  const message = gone
    ? `job ${name} was ended (disrupted): node ${node} does not answer, and its pod cannot be ended there`
    : `job ${name} was ended (disrupted): its pod was deleted, and node ${node} does not let go of it`;
  return told('disrupted', gone ? 'NodeLost' : 'PodStuck', message);
}
