import {
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type ConnectionOptions,
} from '@temporalio/client';
import { GRPC } from './service-errors.js';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

/**
 * Temporal's own retries, which may be closed under. A retry whose time comes after the connection was closed is thrown
 * out of a timer, where nobody can catch it: it would end the caller's program.
 */
export const retriesUntilClosed = (): Interceptor[] => [
  makeGrpcRetryInterceptor(defaultGrpcRetryOptions()),
  endedOnceClosed,
];

const endedOnceClosed: Interceptor = (options, nextCall) => {
  try {
    return nextCall(options) as ReturnType<Interceptor>;
  } catch (error) {
    return endedCall(error) as ReturnType<Interceptor>;
  }
};

/** A call that ends as soon as it begins, as a cancelled one does. */
function endedCall(error: unknown): Call {
  const details = error instanceof Error ? error.message : String(error);
  const nothing = (): void => undefined;
  return {
    start(metadata, listener) {
      setImmediate(() => {
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: GRPC.cancelled, details, metadata });
      });
    },
    sendMessage: nothing,
    sendMessageWithContext: nothing,
    startRead: nothing,
    halfClose: nothing,
    cancelWithStatus: nothing,
    getPeer: () => '',
    getAuthContext: () => null,
  };
}
