import type { JobFailure, JobObservation } from '../../../temporal/contracts/job.js';
import { causeOfExitCode, FAILURE_LIMITS, typeOfCause } from '../causes.js';
import type { Ending, ExitRecord } from './records.js';

type Cause = JobFailure['cause'];

/** What a job left behind when it ended. */
export interface Remains {
  readonly name: string;
  readonly exit: ExitRecord;
  /** result.json, or why it cannot be used. */
  readonly result: { readonly value: unknown } | { readonly problem: string };
  /** failure.json. */
  readonly failure:
    | { readonly type: string; readonly message: string; readonly traceback: string | null }
    | undefined;
  readonly logTail: string;
}

const ENDED_BY_US: Readonly<Record<Exclude<Ending, 'exited'>, Cause>> = {
  deadline: 'deadline',
  cancelled: 'interrupted',
  interrupted: 'interrupted',
  'out-of-memory': 'out-of-memory',
  disrupted: 'disrupted',
  'start-failed': 'start-failed',
  'disk-full': 'temporary',
};

/**
 * The job contract's exit codes as an observation. A result counts when the job ended well by itself, and when its end
 * was not observed: it is published last and whole.
 */
export function outcomeOf(remains: Remains): JobObservation {
  const { exit, result } = remains;
  const mayHaveSucceeded = exit.exitCode === 0 || exit.ending === 'disrupted';
  if (mayHaveSucceeded && 'value' in result) return { phase: 'succeeded', result: result.value };
  const cause = exit.ending === 'exited' ? causeOfExit(exit) : ENDED_BY_US[exit.ending];
  return { phase: 'failed', failure: describe(remains, cause) };
}

export function causeOfExit({ exitCode, signal, oomKillSeen }: ExitRecord): Cause {
  if (signal === 'SIGKILL') return oomKillSeen === false ? 'interrupted' : 'out-of-memory';
  if (signal !== null)
    return ['SIGTERM', 'SIGINT', 'SIGHUP'].includes(signal) ? 'interrupted' : 'crashed';
  return causeOfExitCode(exitCode);
}

function describe(remains: Remains, cause: Cause): JobFailure {
  const { exit, failure, logTail } = remains;
  // When its supervisor ended the job, the job's own account says only that it was asked to stop.
  const told = exit.ending === 'exited' && cause !== 'bad-result' ? failure : undefined;
  return {
    cause,
    exitCode: exit.exitCode,
    signal: exit.signal,
    type: told?.type ?? typeOfCause(cause),
    message: (told?.message ?? sentence(remains, cause)).slice(0, FAILURE_LIMITS.message),
    traceback: failure?.traceback?.slice(-FAILURE_LIMITS.traceback) ?? null,
    logTail,
  };
}

function sentence({ name, exit, result }: Remains, cause: Cause): string {
  if (exit.ending !== 'exited') return `job ${name} was ended (${exit.ending}): ${exit.message}`;
  const how =
    exit.signal === null ? `exited ${String(exit.exitCode)}` : `was ended by ${exit.signal}`;
  const after = `after ${seconds(exit)} s`;
  if (cause === 'bad-result')
    return `job ${name} ${how} ${after}: ${'problem' in result ? result.problem : ''}`;
  if (cause === 'out-of-memory')
    return `job ${name} ${how} ${after}; raise training.resources.memoryMiB`;
  return `job ${name} ${how} ${after}; its log says more`;
}

function seconds({ startedAtMs, finishedAtMs }: ExitRecord): string {
  return ((finishedAtMs - (startedAtMs ?? finishedAtMs)) / 1000).toFixed(1);
}
