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
        const beat = setInterval(() => {
          context.heartbeat();
        }, heartbeatTimeoutMs / BEATS_IN_TIMEOUT);
        try {
          return await next(input);
        } finally {
          clearInterval(beat);
        }
      },
    },
  };
}
