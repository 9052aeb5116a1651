import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context } from '@temporalio/activity';
import type { Connection, ConnectionOptions } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';

type GrpcInterceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/**
 * Above the workflows' `localRetryThreshold`: the pause is a timer then and the workflow task ends, where a local activity that
 * is tried again within its task would keep a stopping worker from its end for minutes.
 */
const LOCAL_PAUSE_MS = 2_000;
/** Of its time: it then ends by its own failure, and not by a timeout that nobody can add anything to. */
const OWN_SHARE = 0.9;
const LONG_AGO = 0;

/**
 * What an activity asks of Temporal ends with its attempt, and with its worker. A worker that stops answers no workflow any
 * more: an activity that waits for one would otherwise wait for ever, and the worker for it.
 */
export class OwnCalls {
  readonly #stopping: AbortSignal;
  readonly #ends = new AsyncLocalStorage<AbortSignal>();

  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  /** The client's retries, whose tries are refused at once after the end, like the first. */
  endingWithAttempt(retries: GrpcInterceptor): GrpcInterceptor {
    const over = (): boolean => this.#ends.getStore()?.aborted === true;
    return (options, nextCall) =>
      retries(options, (asked) => nextCall(over() ? { ...asked, deadline: LONG_AGO } : asked));
  }

  /** Around every activity that asks over the connection. */
  endWithAttempt(connection: Connection) {
    return (context: Context): ActivityInterceptors => ({
      inbound: {
        execute: async (input, next) => {
          const until = Date.now() + OWN_SHARE * context.info.startToCloseTimeoutMs;
          using end = new End(context, this.#stopping);
          try {
            return await this.#ends.run(end.signal, () =>
              connection.withAbortSignal(end.signal, () =>
                connection.withDeadline(until, () => next(input)),
              ),
            );
          } catch (error) {
            const cutShort = end.signal.aborted || Date.now() >= until;
            throw cutShort && context.info.isLocal
              ? ApplicationFailure.fromError(error, { nextRetryDelay: LOCAL_PAUSE_MS })
              : error;
          }
        },
      },
    });
  }
}

/** Of an attempt. Not when its run is cancelled: what a command under way is granted, the run must hear of to give it back. */
class End implements Disposable {
  readonly #context: Context;
  readonly #end = new AbortController();
  readonly #causes: AbortSignal[];

  constructor(context: Context, stopping: AbortSignal) {
    this.#context = context;
    this.#causes = [context.cancellationSignal, stopping];
    for (const cause of this.#causes) cause.addEventListener('abort', this.#come);
    if (stopping.aborted) this.#come();
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  [Symbol.dispose](): void {
    for (const cause of this.#causes) cause.removeEventListener('abort', this.#come);
  }

  readonly #come = (): void => {
    if (!this.#context.cancellationDetails?.cancelRequested) this.#end.abort();
  };
}
