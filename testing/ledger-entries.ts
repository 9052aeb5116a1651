import { digestOf } from '../temporal/digest.js';
import type { LedgerEntry } from '../temporal/contracts/ledger.js';

/** A chain of `count` entries as a tag would write them, from seq 1. */
export function ledgerEntries(tag: string, count: number, reason = 'because'): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  let previousHash = digestOf(null);
  for (let seq = 1; seq <= count; seq += 1) {
    const body = { ...BODY, tag, seq, reason, to: `${tag}/${String(seq)}`, previousHash };
    const entry = { ...body, hash: digestOf(body) };
    entries.push(entry);
    previousHash = entry.hash;
  }
  return entries;
}

const BODY = {
  action: 'promote',
  from: null,
  actor: 'somebody',
  at: '2026-01-01T00:00:00Z',
  workflowId: 'rollout/x',
  evidence: [],
  digest: null,
  outcome: 'applied',
  fence: 1,
} as const satisfies Partial<LedgerEntry>;
