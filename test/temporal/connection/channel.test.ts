import type { BackoffOptions } from '@temporalio/client';
import proto, { type google, type temporal } from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { firstPauseMs, isOverLimit } from '../../../temporal/connection/channel.js';

const { ResourceExhaustedFailure, MultiOperationExecutionFailure } =
  proto.temporal.api.errordetails.v1;
const Cause = proto.temporal.api.enums.v1.ResourceExhaustedCause;
const [RESOURCE_EXHAUSTED, UNAVAILABLE] = [8, 14];

describe('a refusal over a limit of the server', () => {
  test.each([
    [
      'too many updates in flight',
      exhausted(Cause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT),
      true,
    ],
    [
      'a workflow that continues as new',
      exhausted(Cause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW),
      false,
    ],
  ])('is told from others: %s', (_what, details, over) => {
    expect(isOverLimit(status(RESOURCE_EXHAUSTED, [details]))).toBe(over);
  });

  test('has one code', () => {
    expect(isOverLimit(status(UNAVAILABLE, []))).toBe(false);
  });
});

describe('the pause before a call is tried again', () => {
  test('is as short as a workflow takes to continue as new, when an update met it closing (G4)', () => {
    const closing = exhausted(Cause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW);
    expect(firstPauseMs(status(RESOURCE_EXHAUSTED, [closing]))).toBe(25);
  });

  test('is as short for an update that would also have started the workflow (G4)', () => {
    const aborted = { code: 10, message: 'aborted', details: [] };
    const closing = exhausted(Cause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW);
    const both = {
      type_url: 'type.googleapis.com/temporal.api.errordetails.v1.MultiOperationExecutionFailure',
      value: MultiOperationExecutionFailure.encode({
        statuses: [aborted, { code: RESOURCE_EXHAUSTED, message: 'closing', details: [closing] }],
      }).finish(),
    };
    expect(firstPauseMs(status(RESOURCE_EXHAUSTED, [both]))).toBe(25);
  });

  test.each([
    ['over its limits', [exhausted(Cause.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT)]],
    ['exhausted without a cause', []],
  ])('is long for a server that is %s', (_what, details) => {
    expect(firstPauseMs(status(RESOURCE_EXHAUSTED, details))).toBe(1_000);
  });

  test('is long when what the server said of the cause cannot be read', () => {
    expect(firstPauseMs(encoded(RESOURCE_EXHAUSTED, Buffer.from([0xff, 0xff, 0xff])))).toBe(1_000);
  });

  test('is the usual one for any other refusal', () => {
    expect(firstPauseMs(status(UNAVAILABLE, []))).toBe(100);
  });
});

type Status = Parameters<BackoffOptions['initialIntervalMs']>[0];

function exhausted(cause: temporal.api.enums.v1.ResourceExhaustedCause): google.protobuf.IAny {
  return {
    type_url: 'type.googleapis.com/temporal.api.errordetails.v1.ResourceExhaustedFailure',
    value: ResourceExhaustedFailure.encode({ cause }).finish(),
  };
}

function status(code: number, details: google.protobuf.IAny[]): Status {
  return encoded(code, Buffer.from(proto.google.rpc.Status.encode({ code, details }).finish()));
}

/** As gRPC hands it to an interceptor: what the server says of the cause is in the trailers. */
function encoded(code: number, details: Buffer): Status {
  const trailers: Pick<Status['metadata'], 'get'> = {
    get: (key) => (key === 'grpc-status-details-bin' ? [details] : []),
  };
  return { code, details: '', metadata: trailers } as unknown as Status;
}
