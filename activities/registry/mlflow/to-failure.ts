import type { ApplicationFailure } from '@temporalio/common';
import { applicationFailure, failure, type FailureType } from '../../../temporal/errors.js';
import { MlflowGarbage, MlflowRefusal, MlflowSilence } from './errors.js';

/** Database errors that MLflow passes on as 400 BAD_REQUEST although the same call may well succeed later. */
const PASSING =
  /IntegrityError|UniqueViolation|QueuePool limit|could not serialize|deadlock|database is locked/i;
const LONGEST_RETRY_AFTER_MS = 60_000;

interface FailureNames {
  unavailable: FailureType;
  refused: FailureType;
}

const REGISTRY: FailureNames = { unavailable: 'RegistryUnavailable', refused: 'RegistryRefused' };

/** The one place where an error of MLflow gets the name under which it enters a history. */
function toFailure(error: unknown, names: FailureNames = REGISTRY): unknown {
  if (applicationFailure(error)) return error;
  if (error instanceof MlflowRefusal) return fromRefusal(error, names);
  if (error instanceof MlflowSilence) return fromSilence(error, names);
  if (error instanceof MlflowGarbage) {
    return failure(error.wellFormed ? names.refused : names.unavailable, error.message);
  }
  return error;
}

/** Whether a refused call may succeed when it is made again later, unchanged. */
function isPassing({ status, code, message }: MlflowRefusal): boolean {
  if (status === 400) return code === 'BAD_REQUEST' && PASSING.test(message);
  if (code === 'FEATURE_DISABLED' || isWithoutArtifactProxy(status, message)) return false;
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

/** Makes every method of a port speak in failure types. */
export function inFailureTypes<T extends object>(port: T, names?: FailureNames): T {
  const spoken = Object.entries(port).map(([name, method]) => [
    name,
    speaking(method as Method, names),
  ]);
  return Object.fromEntries(spoken) as T;
}

type Method = (...input: unknown[]) => Promise<unknown>;

function speaking(method: Method, names?: FailureNames): Method {
  return async (...input) => {
    try {
      return await method(...input);
    } catch (error) {
      throw toFailure(error, names);
    }
  };
}

function fromRefusal(error: MlflowRefusal, names: FailureNames): ApplicationFailure {
  const details = { status: error.status, code: error.code, operation: error.operation };
  if (!isPassing(error)) return failure(names.refused, withAdvice(error), { details });
  if (error.retryAfterMs === undefined)
    return failure(names.unavailable, error.message, { details });
  const retryAfterMs = Math.min(error.retryAfterMs, LONGEST_RETRY_AFTER_MS);
  // In the details too: the delay itself does not reach a workflow that paces its own tries.
  return failure(names.unavailable, error.message, {
    details: { ...details, retryAfterMs },
    nextRetryDelayMs: retryAfterMs,
  });
}

/** A cancelled activity keeps its cancellation: a failure in its place would be retried. */
function fromSilence(error: MlflowSilence, names: FailureNames): unknown {
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) {
    if (at.name === 'CancelledFailure') return at;
  }
  return failure(names.unavailable, `MLflow did not answer: ${error.message}`, {
    details: { operation: error.operation },
  });
}

function withAdvice(error: MlflowRefusal): string {
  const advice = adviceFor(error);
  return advice === undefined ? error.message : `${error.message}; ${advice}`;
}

function adviceFor({ status, code, message }: MlflowRefusal): string | undefined {
  if (status === 403 && message.includes('Invalid Host header')) {
    return 'start MLflow with --allowed-hosts naming the host and port that registry.trackingUri uses';
  }
  if (status === 401 || status === 403)
    return 'give registry.auth an account that may edit models and runs';
  if (status === 404 && code === '')
    return 'registry.trackingUri does not lead to an MLflow server of 3.10 or newer';
  if (status >= 300 && status < 400)
    return 'registry.trackingUri redirects; name the address it leads to';
  if (code === 'FEATURE_DISABLED')
    return 'remove registry.workspace or start MLflow with --enable-workspaces';
  if (isWithoutArtifactProxy(status, message)) return 'start MLflow with --serve-artifacts';
  return undefined;
}

function isWithoutArtifactProxy(status: number, message: string): boolean {
  return status === 503 && message.includes('serve-artifacts');
}
