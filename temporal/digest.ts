import canonicalize from 'canonicalize';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** SHA-256 as 64 hexadecimal digits. Pure JavaScript, because the workflow sandbox has no crypto. */
export function sha256Hex(content: string | Uint8Array): string {
  return bytesToHex(sha256(typeof content === 'string' ? utf8ToBytes(content) : content));
}

/** RFC 8785: the same text for the same value, whatever its key order and white space were. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined)
    throw new TypeError('expected a value that JSON can carry, got undefined');
  return text;
}

/** 'sha256:<hex>' of a value's canonical JSON, so that key order and white space never matter. */
export function digestOf(value: unknown): string {
  return `sha256:${sha256Hex(canonicalJson(value))}`;
}
