import { ApplicationFailure } from '@temporalio/common';
import { failure } from '../../../temporal/errors.js';
import { ApiError, NoAnswer, readable } from './api-error.js';
import { isPassing } from './retry.js';

/** The only place that knows what an apiserver's refusal means for a retry. */
export async function withFailures<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw toFailure(error);
  }
}

export function toFailure(error: unknown): Error {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof NoAnswer) {
    return failure('ComputeUnavailable', `the apiserver does not answer: ${error.message}`, {
      cause: error,
    });
  }
  if (error instanceof ApiError) return ofRefusal(error);
  if (!(error instanceof Error)) return new Error(String(error));
  // Of the client: rubbish instead of JSON, a credential plugin that fails.
  return failure(
    'ComputeUnavailable',
    `the apiserver could not be asked: ${readable(error.message)}`,
  );
}

function ofRefusal(error: ApiError): Error {
  const { status, reason, kind, causes, message, retryAfterMs } = error;
  const said = `(${String(status)}${reason === '' ? '' : ` ${reason}`}): ${message}`;
  if (isPassing(error)) {
    return failure('ComputeUnavailable', `the apiserver has no time ${said}`, {
      ...(retryAfterMs !== undefined && { nextRetryDelayMs: retryAfterMs }),
    });
  }
  // Retried: a credential that is being rotated must not end a run that trained for hours.
  if (status === 401)
    return failure('ComputeUnavailable', `the apiserver refuses the worker's credentials ${said}`);
  if (status === 403 && /exceeded quota/.test(message))
    return failure('ComputeUnavailable', `the namespace's quota is used up ${said}`);
  if (status === 404 && kind === 'namespaces')
    return failure('Misconfigured', `a namespace of compute.targets does not exist ${said}`);
  if (causes.includes('NamespaceTerminating'))
    return failure('Misconfigured', `a namespace of compute.targets is being deleted ${said}`);
  if (status === 403)
    return failure(
      'Misconfigured',
      `the worker may not do this: the namespace or its Role there is missing, the Role is too small, or an admission refuses ${said}`,
    );
  if (status === 413)
    return failure('InvalidDefinition', `the job is too large for the apiserver ${said}`);
  return failure(
    'Misconfigured',
    `the apiserver refuses the job that compute.targets makes ${said}`,
  );
}
