import { readPublicKey, type PublicKey } from './keys.js';

/** The public keys of approvers by their names, as the worker's configuration lists them. */
export type KeysByName = Record<string, Partial<Record<KeyUse, string[] | undefined>>>;

/** What a key may sign: `breakGlassKeys` the decision 'break-glass' and nothing else, `keys` all others. */
export type KeyUse = 'keys' | 'breakGlassKeys';

export interface ListedKey extends PublicKey {
  name: string;
  use: KeyUse;
}

interface Problem {
  path: (string | number)[];
  message: string;
}

const USES = ['keys', 'breakGlassKeys'] as const;

/** Every key that is listed, and every problem with its path. A key stands for one person and one use. */
export function readRoster(approvers: KeysByName): { listed: ListedKey[]; problems: Problem[] } {
  const listed = new Map<string, ListedKey>();
  const problems: Problem[] = Object.entries(approvers).flatMap(([name, lists]) =>
    hasNone(lists) ? [{ path: [name], message: 'expected keys or breakGlassKeys' }] : [],
  );
  // An empty list would read as "signatures are wanted" and ask for none.
  if (Object.keys(approvers).length === 0)
    problems.push({ path: [], message: 'expected one approver at least, or no approvers at all' });
  for (const { name, use, text, path } of entriesOf(approvers)) {
    const read = readPublicKey(text);
    const message =
      'problem' in read ? read.problem : clash(listed.get(read.fingerprint), name, use);
    if (message !== null) problems.push({ path, message });
    else if (!('problem' in read)) listed.set(read.fingerprint, { ...read, name, use });
  }
  return { listed: [...listed.values()], problems };
}

const hasNone = (lists: KeysByName[string]): boolean =>
  USES.every((use) => (lists[use] ?? []).length === 0);

function entriesOf(approvers: KeysByName) {
  return Object.entries(approvers).flatMap(([name, lists]) =>
    USES.flatMap((use) =>
      (lists[use] ?? []).map((text, index) => ({ name, use, text, path: [name, use, index] })),
    ),
  );
}

function clash(other: ListedKey | undefined, name: string, use: KeyUse): string | null {
  if (other === undefined) return null;
  if (other.name !== name)
    return `expected a key of ${name} alone, got ${other.fingerprint}, which is also ${other.name}'s`;
  if (other.use === use) return null;
  return `expected a key for one use, got ${other.fingerprint}, which is in ${name}'s ${other.use} too`;
}
