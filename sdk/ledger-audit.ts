import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import type { SignedLedgerHead } from '../temporal/contracts/statement.js';
import { GENESIS_HASH, verifyChain, type ChainCheck } from './ledger-chain.js';
import { verifyLedgerHead } from './ledger-head.js';
import type { LedgerHead } from './types.js';

/** What an auditor kept elsewhere. Without the platform's public key the signature is not looked at. */
export interface Kept {
  head: SignedLedgerHead;
  publicKey: string | null;
}

/** With its instant as it was signed. */
export function toSignedHead({ tag, seq, hash, at, signature }: LedgerHead): SignedLedgerHead {
  return { tag, seq, hash, at: at.toISOString(), signature };
}

/**
 * Whether all entries, oldest first, hold together and lead through the head that was kept. Entries after it hold together,
 * too, and nobody has signed for them. Needs neither the platform nor a network.
 */
export function verifyKept(entries: LedgerEntry[], kept: Kept): ChainCheck {
  const { seq = 0, hash = GENESIS_HASH } = entries.at(-1) ?? {};
  const chain = verifyChain(entries, { seq, hash });
  if (!chain.ok) return chain;
  const reason = headFlaw(entries, kept);
  if (reason === null) return chain;
  return {
    ok: false,
    checked: chain.checked,
    firstBad: { seq: Math.max(kept.head.seq, 1), reason },
  };
}

function headFlaw(entries: LedgerEntry[], { head, publicKey }: Kept): string | null {
  const { tag, seq, hash, signature } = head;
  if (publicKey !== null && !verifyLedgerHead(head, publicKey))
    return signature === null
      ? 'the head that was kept carries no signature'
      : 'the head that was kept is not what this key signed';
  const foreign = entries.find((entry) => entry.tag !== tag);
  if (foreign) return `expected the ledger of ${tag}, found an entry of ${foreign.tag}`;
  if (entries.length < seq)
    return `the head that was kept is of entry ${String(seq)}, and ${String(entries.length)} were found`;
  const found = seq === 0 ? GENESIS_HASH : entries[seq - 1]?.hash;
  return found === hash ? null : `the head that was kept is ${hash}, the entry's hash is ${found}`;
}
