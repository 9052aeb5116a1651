import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import { digestOf } from '../temporal/digest.js';

/** What the first entry of every ledger names as the one before it. */
export const GENESIS_HASH = `sha256:${'0'.repeat(64)}`;

export interface ChainCheck {
  ok: boolean;
  checked: number;
  firstBad?: { seq: number; reason: string };
}

/** Recomputes the chain over all entries, oldest first, up to the head the tag's workflow holds. */
export function verifyChain(
  entries: LedgerEntry[],
  head: { seq: number; hash: string },
): ChainCheck {
  let previousHash = GENESIS_HASH;
  for (const [index, entry] of entries.entries()) {
    const reason = flaw(entry, index + 1, previousHash);
    if (reason !== null) return { ok: false, checked: index, firstBad: { seq: index + 1, reason } };
    previousHash = entry.hash;
  }
  const checked = entries.length;
  if (checked !== head.seq) {
    const reason = `the tag holds ${String(head.seq)} entries, ${String(checked)} were found`;
    return { ok: false, checked, firstBad: { seq: Math.min(checked, head.seq) + 1, reason } };
  }
  if (checked > 0 && previousHash !== head.hash) {
    const reason = `the tag's head is ${head.hash}, the last entry's hash is ${previousHash}`;
    return { ok: false, checked, firstBad: { seq: checked, reason } };
  }
  return { ok: true, checked };
}

function flaw(entry: LedgerEntry, seq: number, previousHash: string): string | null {
  if (entry.seq !== seq) return `expected entry ${String(seq)}, found ${String(entry.seq)}`;
  if (entry.previousHash !== previousHash) {
    return `it names ${entry.previousHash} as the entry before it, whose hash is ${previousHash}`;
  }
  const { hash, ...content } = entry;
  const computed = digestOf(content);
  return computed === hash ? null : `its content hashes to ${computed}, it says ${hash}`;
}

/** Entries that say which model is live. A shift, a freeze or a failed move does not. */
const MOVES: readonly string[] = ['promote', 'rollback', 'demote', 'repair', 'retire'];

export const isMove = ({ action, outcome }: LedgerEntry): boolean =>
  MOVES.includes(action) && outcome === 'applied';

/** The entry in force at an instant, from entries in any order; null when nothing was live yet. */
export function moveInForce(entries: LedgerEntry[], at: Date): LedgerEntry | null {
  const moves = entries.filter((entry) => isMove(entry) && new Date(entry.at) <= at);
  return moves.reduce<LedgerEntry | null>(
    (last, entry) => (last && last.seq > entry.seq ? last : entry),
    null,
  );
}
