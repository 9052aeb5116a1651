import type { LedgerEntry as LedgerRecord } from '../temporal/contracts/ledger.js';
import { EVERY_TAG } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { verifyKept, type Kept } from './ledger-audit.js';
import { GENESIS_HASH, isMove, moveInForce, verifyChain, type ChainCheck } from './ledger-chain.js';
import { queryPlatform } from './platform-entity.js';
import { read } from './reads.js';
import { toLedgerEntry } from './records.js';
import type { Session } from './session.js';
import { queryTag } from './tag-entity.js';
import type { LedgerEntry, LedgerHead } from './types.js';

/** An entry is at most 4,000 bytes and an answer of Temporal's at most 2 MB. */
const PAGE = 250;

/** Entries with seq < before, newest first: the recent ones from the tag's workflow, older ones from the registry's journal. */
export async function ledgerEntries(
  session: Session,
  tag: string,
  range: { before?: number; limit: number },
): Promise<LedgerRecord[]> {
  const entries: LedgerRecord[] = [];
  if (range.limit === 0) return entries;
  for await (const page of pages(session, tag, range.before)) {
    entries.push(...page);
    if (entries.length >= range.limit) break;
  }
  return entries.slice(0, range.limit);
}

async function* pages(
  session: Session,
  tag: string,
  before?: number,
): AsyncGenerator<LedgerRecord[]> {
  let cursor = before;
  for (const next of [heldByTag, journalled]) {
    while (cursor !== 1) {
      const entries: LedgerRecord[] = await next(session, tag, cursor);
      const last = entries.at(-1);
      if (last === undefined) break;
      yield entries;
      cursor = last.seq;
    }
  }
}

async function heldByTag(session: Session, tag: string, before?: number): Promise<LedgerRecord[]> {
  const args: [{ before?: number; limit: number }] = [
    { limit: PAGE, ...(before !== undefined && { before }) },
  ];
  const page =
    tag === EVERY_TAG
      ? await queryPlatform(session, { definition: messages.platformLedger, args })
      : await queryTag(session, tag, { definition: messages.ledger, args });
  return page?.entries ?? [];
}

async function journalled(session: Session, tag: string, before?: number): Promise<LedgerRecord[]> {
  // The tag holds its newest entries, so one that holds none has none.
  return before === undefined ? [] : read(session, { what: 'ledger', tag, before, limit: PAGE });
}

/** Reads back until the move in force is found, so that a recent instant costs one question. */
export async function liveAt(
  session: Session,
  tag: string,
  at: Date,
): Promise<{ live: string | null; entry: LedgerEntry | null }> {
  for await (const page of pages(session, tag)) {
    const entry = moveInForce(page, at);
    if (entry) return { live: entry.to, entry: toLedgerEntry(entry) };
  }
  return { live: null, entry: null };
}

/** The newest entries by which another model, or none, became live; a repair writes the same one again. */
export async function latestMoves(
  session: Session,
  tag: string,
  count: number,
): Promise<LedgerRecord[]> {
  const moves: LedgerRecord[] = [];
  for await (const page of pages(session, tag)) {
    moves.push(...page.filter((entry) => isMove(entry) && entry.action !== 'repair'));
    if (moves.length >= count) break;
  }
  return moves.slice(0, count);
}

/** The end of the ledger with the platform's signature over it. */
export async function signedHead(session: Session, tag: string): Promise<LedgerHead> {
  const { seq, hash, at, signature } = await read(session, { what: 'head', tag });
  return { tag, seq, hash, at: new Date(at), signature };
}

export async function verifyLedger(
  session: Session,
  tag: string,
  kept: Kept | null = null,
): Promise<ChainCheck> {
  const { seq, head } = await endOf(session, tag);
  // Entries appended after the head was read are left to the next verification.
  const entries = await ledgerEntries(session, tag, { before: seq + 1, limit: seq });
  const found = verifyChain(entries.reverse(), { seq, hash: head });
  return found.ok && kept !== null ? verifyKept(entries, kept) : found;
}

async function endOf(session: Session, tag: string): Promise<{ seq: number; head: string }> {
  if (tag !== EVERY_TAG)
    return queryTag(session, tag, { definition: messages.tagStatus, args: [] });
  const view = await queryPlatform(session, { definition: messages.platformStatus, args: [] });
  return view ?? { seq: 0, head: GENESIS_HASH };
}
