import { createHash } from 'node:crypto';
import type { ApplicationFailure } from '@temporalio/common';
import { failure } from '../../temporal/errors.js';

interface Hashed {
  digest: string;
  bytes: number;
}

/** Reads a stream once, whatever its size, and tells its 'sha256:<hex>' and length. */
export async function hashed(stream: AsyncIterable<Uint8Array>): Promise<Hashed> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

export function digestOfBytes(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export function altered(uri: string, expected: string, actual: string): ApplicationFailure {
  return failure('Integrity', `${uri}: expected ${expected}, got ${actual}`, {
    details: { uri, expected, actual },
  });
}
