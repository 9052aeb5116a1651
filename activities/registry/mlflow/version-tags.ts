import canonicalize from 'canonicalize';
import { failure } from '../../../temporal/errors.js';
import { digestOf } from '../../../temporal/digest.js';
import { MAX_VERSION_TAG_CHARACTERS } from './tags.js';

/** Holds the values of version tags that are too long for one; each such tag holds a reference instead. */
const FOLDER = 'version-tags';
const REFERENCE = /^modelyard-artifact:(.+)#(sha256:[0-9a-f]{64})$/;

export interface StoredTags {
  tags: Record<string, string>;
  /** Artifacts of the run that the references point at. */
  documents: Record<string, unknown>;
}

export function storedTags(tags: Record<string, string>): StoredTags {
  const stored: StoredTags = { tags: {}, documents: {} };
  for (const [key, value] of Object.entries(tags)) {
    if (value.length <= MAX_VERSION_TAG_CHARACTERS) {
      stored.tags[key] = value;
      continue;
    }
    const path = `${FOLDER}/${key}.json`;
    stored.tags[key] = `modelyard-artifact:${path}#${digestOf(value)}`;
    stored.documents[path] = value;
  }
  return stored;
}

/** The tags with every reference replaced by the value it stands for; refuses (Integrity) another value. */
export async function wholeTags(
  tags: Record<string, string>,
  read: (path: string) => Promise<unknown>,
): Promise<Record<string, string>> {
  const whole = Object.entries(tags).map(async ([key, value]) => {
    const [, path, digest] = REFERENCE.exec(value) ?? [];
    if (path === undefined || digest === undefined) return [key, value] as const;
    const content = await read(path);
    if (typeof content === 'string' && digestOf(content) === digest) return [key, content] as const;
    throw failure(
      'Integrity',
      `version tag '${key}': expected ${digest} at ${path}, got ${found(content)}`,
      {
        details: { expected: digest, actual: found(content), path },
      },
    );
  });
  return Object.fromEntries(await Promise.all(whole));
}

const found = (content: unknown): string =>
  content === undefined || canonicalize(content) === undefined ? 'nothing' : digestOf(content);
