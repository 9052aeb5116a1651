import type { BackoffOptions } from '@temporalio/client';
import proto, { type google } from '@temporalio/proto';

type Status = Parameters<BackoffOptions['initialIntervalMs']>[0];

const { MultiOperationExecutionFailure, ResourceExhaustedFailure } =
  proto.temporal.api.errordetails.v1;
const { RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW } =
  proto.temporal.api.enums.v1.ResourceExhaustedCause;
/** Of gRPC: the server takes no more of this for now. */
const RESOURCE_EXHAUSTED = 8;
const FIRST_PAUSE_MS = { closing: 25, exhausted: 1_000, other: 100 };

/**
 * For every gRPC channel to Temporal. gRPC's own pause between two attempts to connect grows to two minutes, so that after a
 * long outage a process would refuse its callers for that much longer than the server was away.
 */
export const CHANNEL_ARGS = { 'grpc.max_reconnect_backoff_ms': 2_000 };

/**
 * Milliseconds from which the pause before a call's next try grows. As the client has it, but for one answer: an update that
 * meets a workflow in the moment it continues as new is refused with RESOURCE_EXHAUSTED of cause BUSY_WORKFLOW (temporal #4765).
 * The next run is there some 20 ms later; the client would wait as long as for a server that is over its limits, 1.4 to 2 s,
 * and a rollback with it.
 */
export function firstPauseMs(status: Status): number {
  if (isOverLimit(status)) return FIRST_PAUSE_MS.exhausted;
  return isBusyWorkflow(status) ? FIRST_PAUSE_MS.closing : FIRST_PAUSE_MS.other;
}

/** Whether the server refused because of one of its limits. */
export function isOverLimit(status: Status): boolean {
  const code: number = status.code;
  return code === RESOURCE_EXHAUSTED && !isBusyWorkflow(status);
}

function isBusyWorkflow({ metadata }: Status): boolean {
  const [encoded] = metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(encoded)) return false;
  try {
    return proto.google.rpc.Status.decode(encoded).details.some(tellsOfBusyWorkflow);
  } catch {
    return false;
  }
}

/** Update-with-start has its causes one level down, one for each of its two calls. */
function tellsOfBusyWorkflow({ type_url, value }: google.protobuf.IAny): boolean {
  if (!type_url || !value) return false;
  switch (type_url.slice(type_url.lastIndexOf('/') + 1)) {
    case 'temporal.api.errordetails.v1.ResourceExhaustedFailure':
      return (
        ResourceExhaustedFailure.decode(value).cause === RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW
      );
    case 'temporal.api.errordetails.v1.MultiOperationExecutionFailure':
      return MultiOperationExecutionFailure.decode(value).statuses.some(
        ({ details }) => details?.some(tellsOfBusyWorkflow) ?? false,
      );
    default:
      return false;
  }
}
