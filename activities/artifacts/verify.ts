import { failure } from '../../temporal/errors.js';
import type { FileStore } from './files.js';
import { hashed } from './integrity.js';

interface ExpectedFile {
  path: string;
  sha256: string;
  bytes: number;
}

interface Difference {
  path: string;
  problem: 'missing' | 'altered' | 'additional';
  expected: string | null;
  actual: string | null;
}

/** Refuses (Integrity) unless the files below `path` are exactly the expected ones, naming every difference. */
export async function verifyFiles(
  at: { store: FileStore; path: string; uri: string },
  expected: readonly ExpectedFile[],
): Promise<void> {
  const present = await at.store.list(at.path);
  const differences = additional(present, expected);
  for (const file of expected) {
    const difference = await compared(at, file);
    if (difference) differences.push(difference);
  }
  if (differences.length === 0) return;
  const shown = differences.slice(0, 20);
  throw failure('Integrity', `${at.uri}: ${shown.map(sentence).join('; ')}`, {
    details: {
      uri: at.uri,
      differences: shown,
      expected: each(shown, ({ expected }) => expected ?? 'no such file'),
      actual: each(shown, ({ actual }) => actual ?? 'no such file'),
    },
  });
}

/** An additional file counts: a loader may well read it, e.g. a second model in the folder. */
function additional(present: readonly string[], expected: readonly ExpectedFile[]): Difference[] {
  const names = new Set(expected.map((file) => file.path));
  return present
    .filter((path) => !names.has(path))
    .map((path) => ({ path, problem: 'additional', expected: null, actual: 'a file' }));
}

async function compared(
  { store, path }: { store: FileStore; path: string },
  file: ExpectedFile,
): Promise<Difference | null> {
  const expected = `sha256:${file.sha256} of ${String(file.bytes)} bytes`;
  const stream = isRelative(file.path) ? await store.read(`${path}/${file.path}`) : null;
  if (stream === null) return { path: file.path, problem: 'missing', expected, actual: null };
  const { digest, bytes } = await hashed(stream);
  const actual = `${digest} of ${String(bytes)} bytes`;
  return actual === expected ? null : { path: file.path, problem: 'altered', expected, actual };
}

const each = (differences: readonly Difference[], side: (of: Difference) => string): string =>
  differences.map((of) => `${of.path}: ${side(of)}`).join('; ');

/** A listed path must not lead out of the model it belongs to. */
function isRelative(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function sentence({ path, problem, expected, actual }: Difference): string {
  if (problem === 'missing') return `${path} is missing`;
  if (problem === 'additional') return `${path} was added`;
  return `${path} was altered: expected ${String(expected)}, got ${String(actual)}`;
}
