import { failure } from '../../../temporal/errors.js';

/** The server cuts a longer run tag silently, and a database column may refuse a longer model or version tag. */
const MAX_CHARACTERS = { run: 8_000, model: 5_000 } as const;
export const MAX_VERSION_TAG_CHARACTERS = MAX_CHARACTERS.model;

export interface Pair {
  key: string;
  value: string;
}

/** Tags of this adapter alone; those that others read too are REGISTRY_TAGS. */
export const OWN_TAGS = {
  kind: 'modelyard.kind',
  tier: 'modelyard.tier',
  /** On an experiment: the run that holds the claims on its keys. */
  claims: 'modelyard.claims',
  /** On an experiment: the first page of the tag's journal. */
  journal: 'modelyard.journal',
  /** On a journal page: the hash that ended the page before it. */
  opensWith: 'modelyard.opens_with',
} as const;

/** Pairs as the wire wants them; refuses (InvalidRequest) a value that MLflow would not keep whole. */
export function tagPairs(tags: Record<string, string>, on: keyof typeof MAX_CHARACTERS): Pair[] {
  return Object.entries(tags).map(([key, value]) => {
    if (value.length <= MAX_CHARACTERS[on]) return { key, value };
    throw failure(
      'InvalidRequest',
      `tag '${key}': expected at most ${String(MAX_CHARACTERS[on])} characters, got ${String(value.length)}; record it as an artifact`,
    );
  });
}

/** A value in the filter language, which knows no escape for a quote. */
export function quoted(value: string): string {
  if (/^[A-Za-z0-9_.:@=/*-]+$/.test(value)) return `'${value}'`;
  throw failure(
    'InvalidRequest',
    `expected characters of [A-Za-z0-9_.:@=/*-], got ${JSON.stringify(value)}`,
  );
}
