import assert from 'node:assert/strict';
import { applicationFailure, type FailureType } from '../temporal/errors.js';

/** Passes when `work` rejects with a failure of this type, and gives the failure's details. */
export async function refusedWith(
  type: FailureType,
  work: Promise<unknown>,
): Promise<Record<string, unknown>> {
  const error = await work.then(
    (value: unknown) => assert.fail(`expected ${type}, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  const failed = applicationFailure(error);
  assert.equal(failed?.type, type, String(error));
  return (failed.details?.[0] ?? {}) as Record<string, unknown>;
}
