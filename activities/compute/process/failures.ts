import { ApplicationFailure } from '@temporalio/common';
import { failure } from '../../../temporal/errors.js';
import { hasCode } from './durable-files.js';

const PASSING = [
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'ENOMEM',
  'EIO',
  'EBUSY',
  'ETIMEDOUT',
  'ESTALE',
];
const STANDING = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EXDEV'];

/** The only place that knows what the system's error codes mean for a retry. */
export async function withFailures<T>(directory: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw toFailure(error, directory);
  }
}

function toFailure(error: unknown, directory: string): Error {
  if (error instanceof ApplicationFailure || !(error instanceof Error)) return error as Error;
  const message = `jobs directory ${directory}: ${error.message}`;
  if (hasCode(error, ...PASSING)) return failure('ComputeUnavailable', message, { cause: error });
  if (hasCode(error, ...STANDING)) return failure('Misconfigured', message, { cause: error });
  return error;
}
