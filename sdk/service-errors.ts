import { isGrpcServiceError } from '@temporalio/client';
import { ConfigError, UnavailableError } from './errors.js';
import type { Session } from './session.js';

/** gRPC's numbers, written out: its package is Temporal's dependency, not ours. */
export const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const NO_ANSWER: readonly number[] = [
  GRPC.cancelled,
  GRPC.deadlineExceeded,
  GRPC.resourceExhausted,
  GRPC.internal,
  GRPC.unavailable,
];

/** An error of Temporal's own as one a caller can act on; any other error comes back as it is. */
export function fromService(session: Session, error: unknown): unknown {
  const grpc = grpcCause(error);
  if (grpc === undefined) return error;
  const { address, namespace } = session.options.temporal;
  if (NO_ANSWER.includes(grpc.code)) {
    return new UnavailableError(
      `Temporal at ${address} did not answer (${grpc.details}); what was asked may have happened: repeat the call with the same idempotency key`,
      'temporal',
      { cause: error },
    );
  }
  if (grpc.code === GRPC.permissionDenied || grpc.code === GRPC.unauthenticated) {
    return new ConfigError(
      `Temporal at ${address} refused the credentials (${grpc.details}); correct temporal.apiKey (TEMPORAL_API_KEY) or temporal.tls (TEMPORAL_TLS)`,
      { cause: error },
    );
  }
  if (/namespace .*not found/i.test(grpc.details)) {
    return new ConfigError(
      `Temporal at ${address} has no namespace ${namespace}; create it or correct temporal.namespace (TEMPORAL_NAMESPACE)`,
      { cause: error },
    );
  }
  if (/search attribute/i.test(grpc.details)) {
    return new ConfigError(
      `The namespace ${namespace} lacks Modelyard's search attributes (${grpc.details}); a worker registers them when it starts`,
      { cause: error },
    );
  }
  return error;
}

function grpcCause(error: unknown): { code: number; details: string } | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return { code: at.code, details: at.details };
  }
  return undefined;
}
