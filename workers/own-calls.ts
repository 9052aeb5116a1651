import type { Context } from '@temporalio/activity';
import type { Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';

/**
 * Above the workflows' `localRetryThreshold`: the pause is a timer then and the workflow task ends, where a local activity that
 * is tried again within its task would keep a stopping worker from its end for minutes.
 */
const LOCAL_PAUSE_MS = 2_000;
/** Of its time: it then ends by its own failure, and not by a timeout that nobody can add anything to. */
const OWN_SHARE = 0.9;

/**
 * What an attempt asks of Temporal ends with the attempt. A worker that stops answers no workflow any more: an activity that
 * waits for one would otherwise wait for ever, and the worker for it.
 */
export function endCallsWithAttempt(connection: Connection) {
  return (context: Context): ActivityInterceptors => ({
    inbound: {
      async execute(input, next) {
        const until = Date.now() + OWN_SHARE * context.info.startToCloseTimeoutMs;
        try {
          return await connection.withAbortSignal(endOf(context), () =>
            connection.withDeadline(until, () => next(input)),
          );
        } catch (error) {
          const paused = context.info.isLocal && Date.now() >= until;
          throw paused
            ? ApplicationFailure.fromError(error, { nextRetryDelay: LOCAL_PAUSE_MS })
            : error;
        }
      },
    },
  });
}

/** Not when its run is cancelled: what a command under way is granted, the run must hear of to give it back. */
function endOf(context: Context): AbortSignal {
  const end = new AbortController();
  context.cancellationSignal.addEventListener('abort', () => {
    if (!context.cancellationDetails?.cancelRequested) end.abort();
  });
  return end.signal;
}
