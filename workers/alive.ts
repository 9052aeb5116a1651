import type { Context } from '@temporalio/activity';
import type { ActivityInterceptors } from '@temporalio/worker';

const BEATS_IN_TIMEOUT = 3;

/**
 * Tells the server that this worker lives for as long as an activity with a heartbeat timeout runs, so that another one
 * takes over soon when it does not. How long the activity itself may take is bounded by its own timeouts.
 */
export function beatWhileRunning(context: Context): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        const { heartbeatTimeoutMs } = context.info;
        if (heartbeatTimeoutMs === undefined) return next(input);
        const again = rememberBeats(context);
        const beat = setInterval(again, heartbeatTimeoutMs / BEATS_IN_TIMEOUT);
        try {
          return await next(input);
        } finally {
          clearInterval(beat);
        }
      },
    },
  };
}

/**
 * Beats again with what the activity said last, in this try or in one before: the server keeps the last beat's details only,
 * and a beat without any would wipe them out. The SDK has no interceptor for heartbeats, so the context's own is wrapped.
 */
function rememberBeats(context: Context): () => void {
  const { heartbeat } = context;
  let last: unknown = context.info.heartbeatDetails;
  Object.assign(context, {
    heartbeat(details?: unknown) {
      last = details;
      heartbeat(details);
    },
  } satisfies Partial<Context>);
  return () => {
    heartbeat(last);
  };
}
