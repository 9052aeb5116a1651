import { readFileSync } from 'node:fs';
import { failure } from '../temporal/errors.js';
import type { SecretReference } from './config.js';

/** The value behind a reference, read when it is needed, so that a rotated one is picked up. */
export function secretOf(reference: SecretReference): string {
  if ('env' in reference) {
    const value = process.env[reference.env];
    if (value !== undefined && value !== '') return value;
    throw failure(
      'Misconfigured',
      `expected the environment variable ${reference.env} to hold a secret, and it is not set`,
    );
  }
  try {
    return readFileSync(reference.file, 'utf8').trim();
  } catch (error) {
    throw failure(
      'Misconfigured',
      `expected the file ${reference.file} to hold a secret, and it cannot be read`,
      { ...(error instanceof Error && { cause: error }) },
    );
  }
}
