import type { JobFailure } from '../../temporal/contracts/job.js';

type Cause = JobFailure['cause'];

/** What may enter a run's history of a failure, in characters. */
export const FAILURE_LIMITS = { message: 2000, traceback: 16_000 } as const;
/** A result goes into the run's history, and must leave room there. */
export const RESULT_LIMIT_BYTES = 1024 * 1024;

/** What the job contract means by the code a job exited with. */
export function causeOfExitCode(exitCode: number | null): Cause {
  if (exitCode === 0) return 'bad-result';
  if (exitCode === 75) return 'temporary';
  if (exitCode === 76) return 'integrity';
  if (exitCode !== null && exitCode >= 64 && exitCode <= 79) return 'user-error';
  // The shell's codes for a command that is not there or cannot be executed.
  if (exitCode === 126 || exitCode === 127) return 'start-failed';
  if (exitCode === 137) return 'out-of-memory';
  return exitCode === 143 ? 'interrupted' : 'crashed';
}

/** 'out-of-memory' as 'OutOfMemory': the form of the harness's own types. */
export function typeOfCause(cause: Cause): string {
  return cause.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
