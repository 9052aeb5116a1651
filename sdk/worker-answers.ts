import { setTimeout as sleep } from 'node:timers/promises';
import { UnavailableError } from './errors.js';
import { fromService, GRPC } from './service-errors.js';
import { callService, isGrpc, type Session } from './session.js';

/** How long a question may wait without any worker coming for work before that is said. */
const ABSENCE_MS = 10_000;
/** An idle worker comes for work anew at least once a minute. */
const IDLE_POLL_MS = 90_000;
/** How long a worker that is there may take. */
const ANSWER_TIMEOUT_MS = 30_000;
const RETRY_MS = 500;

/**
 * Runs a call that only a worker can answer (query, update, first task of a new run). Rejects with
 * UnavailableError('worker') when nobody takes work from the queue for ten seconds, instead of hanging until a deadline.
 * A worker that is there comes for the work this call makes, so one that was last seen before the call is gone.
 */
export async function askWorker<T>(session: Session, run: () => Promise<T>): Promise<T> {
  const askedAt = Date.now();
  return underWatch(session, run, { timeoutMs: ANSWER_TIMEOUT_MS, aliveSince: () => askedAt });
}

/**
 * The like for work a worker has already taken and may need time for. Its next steps can pass the queue by, so only one
 * that has not come for longer than an idle one would is gone.
 */
export async function awaitWorker<T>(
  session: Session,
  run: () => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  return underWatch(session, run, { timeoutMs, aliveSince: () => Date.now() - IDLE_POLL_MS });
}

interface Watch {
  timeoutMs: number;
  /** The earliest instant, in milliseconds of the epoch, at which a worker seen counts as alive. */
  aliveSince: () => number;
}

async function underWatch<T>(session: Session, run: () => Promise<T>, watch: Watch): Promise<T> {
  const abort = new AbortController();
  const timer = setInterval(() => void abortWhenAbsent(session, watch, abort), ABSENCE_MS);
  try {
    return await session.client.withAbortSignal(abort.signal, () =>
      session.client.withDeadline(Date.now() + watch.timeoutMs, () =>
        untilPolled(run, abort.signal),
      ),
    );
  } catch (error) {
    if (abort.signal.aborted) throw abort.signal.reason;
    throw isTimeout(error) ? await unanswered(session, watch, error) : fromService(session, error);
  } finally {
    clearInterval(timer);
  }
}

async function abortWhenAbsent(
  session: Session,
  watch: Watch,
  abort: AbortController,
): Promise<void> {
  try {
    if ((await lastSeen(session)) < watch.aliveSince()) abort.abort(absent(session));
  } catch {
    // Temporal itself is away: the call's own deadline says so.
  }
}

/** A server that has seen no worker for a while refuses a query at once; a worker may still be starting. */
async function untilPolled<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isGrpc(error, GRPC.failedPrecondition)) throw error;
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

/**
 * When a worker last came for a workflow task, in milliseconds of the epoch; 0 when none did in the last minutes.
 * The server lists workers for five minutes after they die, so their presence in the list alone says nothing.
 */
export async function lastSeen(session: Session): Promise<number> {
  const { taskQueue, temporal } = session.options;
  const { pollers } = await callService(
    session,
    () =>
      session.connection.workflowService.describeTaskQueue({
        namespace: temporal.namespace,
        // The kind is left out, which means workflow tasks.
        taskQueue: { name: taskQueue },
      }),
    5_000,
  );
  const times = pollers.map(
    ({ lastAccessTime }) =>
      Number(lastAccessTime?.seconds ?? 0) * 1000 + (lastAccessTime?.nanos ?? 0) / 1e6,
  );
  return Math.max(0, ...times);
}

async function unanswered(session: Session, watch: Watch, cause: unknown): Promise<unknown> {
  try {
    return (await lastSeen(session)) < watch.aliveSince()
      ? absent(session, cause)
      : silent(session, cause);
  } catch {
    return fromService(session, cause);
  }
}

function absent(session: Session, cause?: unknown): UnavailableError {
  const { taskQueue } = session.options;
  return new UnavailableError(
    `No worker took work from the task queue ${taskQueue} for ${String(ABSENCE_MS / 1000)} s; start one (modelyard dev) or correct taskQueue (MODELYARD_TASK_QUEUE)`,
    'worker',
    { cause },
  );
}

function silent(session: Session, cause: unknown): UnavailableError {
  return new UnavailableError(
    `A worker polls the task queue ${session.options.taskQueue} but did not answer in time; look at its log, then repeat the call with the same idempotency key`,
    'worker',
    { cause },
  );
}

function isTimeout(error: unknown): boolean {
  if (error instanceof Error && error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError')
    return true;
  return isGrpc(error, GRPC.deadlineExceeded, GRPC.cancelled);
}
