import canonicalize from 'canonicalize';
import { digestOf } from '../../../temporal/digest.js';
import type { Pair } from './tags.js';

/** The server cuts a longer value silently. */
const MAX_VALUE_CHARACTERS = 6_000;
const MAX_KEY_CHARACTERS = 250;
const KEY = /^[\w.\- /:]+$/;

/** The artifact that holds the params whole, and the name of the param with its digest. */
export const PARAMS_FILE = 'params.json';

export interface RecordedParams {
  pairs: Pair[];
  /** Content of PARAMS_FILE, when the pairs alone do not tell the params. */
  file: Record<string, unknown> | null;
}

/**
 * Params as MLflow can hold them: strings as they are, other values as canonical JSON, so that a repeat writes the same
 * text. A value too long for a param is replaced by its digest, a name unfit for one is left to the file.
 */
export function recordedParams(params: Record<string, unknown>): RecordedParams {
  const given = Object.entries(params).filter(([, value]) => value !== undefined);
  const fit = given.filter(([key]) => isKey(key));
  const texts = fit.map(([key, value]) => ({ key, value: text(value) }));
  const overlong = texts.some(({ value }) => value.length > MAX_VALUE_CHARACTERS);
  if (!overlong && fit.length === given.length) return { pairs: texts, file: null };

  const file = Object.fromEntries(given);
  const pairs = texts.map(({ key, value }) => ({ key, value: shortened(value) }));
  return { pairs: [...pairs, { key: PARAMS_FILE, value: digestOf(file) }], file };
}

const text = (value: unknown): string =>
  typeof value === 'string' ? value : (canonicalize(value) ?? 'null');

const shortened = (value: string): string =>
  value.length > MAX_VALUE_CHARACTERS ? digestOf(value) : value;

/** The server wants a key to be a normal relative path, for stores that keep params as files. */
function isKey(key: string): boolean {
  const isPath = key.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  return key !== PARAMS_FILE && key.length <= MAX_KEY_CHARACTERS && KEY.test(key) && isPath;
}
