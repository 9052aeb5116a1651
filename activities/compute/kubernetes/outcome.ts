import type { V1Job } from '@kubernetes/client-node';
import type { JobFailure } from '../../../temporal/contracts/job.js';
import { causeOfExitCode, FAILURE_LIMITS, typeOfCause } from '../causes.js';
import { MAIN, TRAIN } from './containers.js';
import { type ContainerEnd, isOver, type PodFacts } from './pods.js';
import { readTermination, type Reference, type Told } from './termination.js';

type Cause = JobFailure['cause'];

/** Where the log is that tells of an end. */
export interface LogPlace {
  readonly pod: string;
  readonly container: string;
}

/** A failure but for its log, and for what the job left by reference. */
export interface Failed extends Omit<JobFailure, 'logTail'> {
  readonly logAt?: LogPlace;
  readonly failureAt?: Reference;
}

export type Outcome =
  { succeeded: { result: unknown } | { resultAt: Reference } } | { failed: Failed };

/** Undefined while a Job goes on: before its pods are gone too, FailureTarget says only what it will come to. */
export function terminalCondition({ status }: V1Job): 'Complete' | 'Failed' | undefined {
  const told = status?.conditions?.find(
    ({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'),
  );
  return told?.type as 'Complete' | 'Failed' | undefined;
}

/** How an ended Job came out; `pods` are its own, newest first. */
export function outcomeOf(job: V1Job, pods: readonly PodFacts[]): Outcome {
  const name = job.metadata?.name ?? '';
  if (terminalCondition(job) === 'Complete') return ofComplete(name, pods);
  const failed = job.status?.conditions?.find(({ type }) => type === 'Failed');
  if (failed?.reason === 'DeadlineExceeded') {
    const message = `job ${name} was ended (deadline): not done in time, waiting for its turn included`;
    return { failed: told('deadline', 'Deadline', message) };
  }
  const pod = pods.find(isOver);
  if (pod !== undefined) return { failed: ofPod(name, pod) };
  const message = `job ${name} was ended (disrupted): its pod was deleted while it ran; ${failed?.message ?? ''}`;
  return { failed: told('disrupted', 'PodDeleted', message) };
}

/** One pod's word counts when two ran: the one that Kubernetes counted as the completion. */
function ofComplete(name: string, pods: readonly PodFacts[]): Outcome {
  const pod = pods.find(({ phase }) => phase === 'Succeeded');
  if (pod?.ended === undefined) {
    const message = `job ${name} ended well, and its pod was removed before its result was read`;
    return { failed: told('disrupted', 'ResultLost', message) };
  }
  const termination = readTermination(pod.ended.message);
  if (termination && 'result' in termination) return { succeeded: { result: termination.result } };
  if (termination && 'resultAt' in termination)
    return { succeeded: { resultAt: termination.resultAt } };
  const got =
    pod.ended.message === undefined ? 'nothing' : JSON.stringify(pod.ended.message.slice(0, 80));
  const message = `job ${name} exited 0 after ${sayTime(pod.ended)}: expected a result in its termination message, got ${got}`;
  return { failed: { ...told('bad-result', 'BadResult', message), ...exitOf(pod, pod.ended) } };
}

function ofPod(name: string, pod: PodFacts): Failed {
  const taken = disruptionOf(pod);
  if (taken !== undefined) {
    const message = `job ${name} was ended (disrupted): its pod was ${taken.how}: ${taken.said}`;
    return { ...told('disrupted', taken.type, message), ...exitOf(pod, pod.ended) };
  }
  if (pod.reason === 'DeadlineExceeded') {
    const message = `job ${name} was ended (deadline): not done in its time; raise training.timeout`;
    return { ...told('deadline', 'Deadline', message), ...exitOf(pod, pod.ended) };
  }
  if (pod.ended === undefined) {
    const message = `job ${name}: its pod failed before a container began: ${pod.reason} ${pod.message}`;
    return told('start-failed', pod.reason || 'StartFailed', message);
  }
  return { ...ofContainer(name, pod.ended), ...exitOf(pod, pod.ended) };
}

const TAKEN: Readonly<Record<string, { type: string; how: string }>> = {
  Evicted: { type: 'Evicted', how: 'evicted from its node' },
  EvictionByEvictionAPI: { type: 'Evicted', how: 'evicted' },
  TerminationByKubelet: { type: 'Evicted', how: 'evicted from its node' },
  Preempting: { type: 'Preempted', how: 'preempted' },
  PreemptionByScheduler: { type: 'Preempted', how: 'preempted by a pod of higher priority' },
  PreemptionByKubeScheduler: { type: 'Preempted', how: 'preempted by a pod of higher priority' },
  NodeLost: { type: 'NodeLost', how: 'lost with its node' },
  DeletionByTaintManager: { type: 'NodeLost', how: 'lost with its node' },
  DeletionByPodGC: { type: 'NodeLost', how: 'lost with its node' },
  NodeShutdown: { type: 'NodeShutdown', how: 'ended with its node' },
  Shutdown: { type: 'NodeShutdown', how: 'ended with its node' },
  Terminated: { type: 'NodeShutdown', how: 'ended with its node' },
};

/** Who took the pod away, when it did not end by itself. */
export function disruptionOf(
  pod: Pick<PodFacts, 'reason' | 'message' | 'disruption' | 'ended'>,
): { type: string; how: string; said: string } | undefined {
  const { reason, message, disruption } = pod;
  const said = (disruption?.message ?? '') || message || reason;
  const named = TAKEN[reason] ?? TAKEN[disruption?.reason ?? ''];
  if (named !== undefined) return { ...named, said };
  if (disruption !== undefined)
    return { type: 'Disrupted', how: `taken away (${disruption.reason})`, said };
  if (pod.ended?.reason === 'ContainerStatusUnknown')
    return { type: 'NodeLost', how: 'lost', said: pod.ended.message ?? 'its end is not known' };
  return undefined;
}

function ofContainer(name: string, end: ContainerEnd): Failed {
  const { reason, exitCode, container, message } = end;
  const after = `after ${sayTime(end)}`;
  if (reason === 'OOMKilled') {
    const memory = `job ${name} was ended (out-of-memory) ${after}; raise training.resources.memoryMiB`;
    return told('out-of-memory', 'OutOfMemory', memory);
  }
  if (reason === 'StartError' || reason === 'ContainerCannotRun') {
    return told(
      'start-failed',
      'ContainerConfig',
      `job ${name} could not start: ${message ?? reason}`,
    );
  }
  // The last container publishes, and the pod failed: another one ended well by mistake.
  const cause = causeOfExitCode(exitCode);
  const how = `job ${name} exited ${String(exitCode)} ${after}`;
  const more =
    cause === 'out-of-memory' ? 'raise training.resources.memoryMiB' : 'its log says more';
  const fallback =
    container === TRAIN
      ? told(
          cause,
          'ImageFailed',
          `job ${name}: the image ended with exit code ${String(exitCode)} ${after}`,
        )
      : told(cause, typeOfCause(cause), `${how}; ${more}`);
  const termination = readTermination(message);
  if (termination && 'failure' in termination) return ownWords(fallback, termination.failure);
  if (termination && 'failureAt' in termination)
    return { ...fallback, failureAt: termination.failureAt };
  return fallback;
}

/** The job's own account instead of the adapter's sentence. */
export function ownWords(failed: Failed, { type, message, traceback }: Told): Failed {
  return {
    ...failed,
    type,
    message: message.slice(0, FAILURE_LIMITS.message),
    traceback: traceback?.slice(-FAILURE_LIMITS.traceback) ?? null,
  };
}

export function told(cause: Cause, type: string, message: string): Failed {
  const nothing = { exitCode: null, signal: null, traceback: null };
  return { cause, type, message: message.slice(0, FAILURE_LIMITS.message), ...nothing };
}

function exitOf(
  { name }: PodFacts,
  end: ContainerEnd | undefined,
): Pick<Failed, 'exitCode' | 'signal' | 'logAt'> {
  return {
    exitCode: end?.exitCode ?? null,
    signal: end?.signal ? String(end.signal) : null,
    logAt: { pod: name, container: end?.container ?? MAIN },
  };
}

const sayTime = ({ seconds }: ContainerEnd): string => `${seconds.toFixed(1)} s`;
