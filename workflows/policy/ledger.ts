import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { LedgerPage } from '../../temporal/contracts/tag.js';
import { digestOf } from '../../temporal/digest.js';
import { modelId } from '../../temporal/ids.js';
import { GENESIS, TAIL, type EntryDraft, type TagState } from './tag/state.js';

/** What a state holds of its ledger. */
export type Ledgered = Pick<TagState, 'tag' | 'seq' | 'head' | 'tail' | 'journaled'> &
  Partial<Pick<TagState, 'models'>>;

/** Appends one settled entry: the next number, chained to the last hash. */
export function append<State extends Ledgered>(
  state: State,
  entry: EntryDraft,
  settled: { at: string; outcome: LedgerEntry['outcome']; fence: number | null },
): { state: State; entry: LedgerEntry } {
  const to = entry.to === null ? undefined : state.models?.[String(entry.to)];
  const body = {
    tag: state.tag,
    seq: state.seq + 1,
    action: entry.action,
    from: entry.from === null ? null : modelId(state.tag, entry.from),
    to: entry.to === null ? null : modelId(state.tag, entry.to),
    actor: entry.actor,
    reason: entry.reason,
    at: settled.at,
    workflowId: entry.workflowId,
    evidence: fitting(entry.evidence),
    digest: to?.digest ?? null,
    outcome: settled.outcome,
    fence: settled.fence,
    previousHash: state.head,
  };
  const chained: LedgerEntry = { ...body, hash: digestOf(body) };
  const tail = trim([...state.tail, chained], state.journaled);
  return { state: { ...state, seq: chained.seq, head: chained.hash, tail }, entry: chained };
}

/** With the longest reason, names and keys an entry still has the 4,000 bytes that the journal takes. */
const EVIDENCE_BYTES = 1_200;

/** As much of the evidence as fits; what does not is counted, and stands in the workflow's history. */
function fitting(evidence: readonly string[]): string[] {
  let left = EVIDENCE_BYTES;
  const kept = evidence.filter((line, index) => {
    left -= bytesOf(line);
    return left >= 0 || index === 0;
  });
  const cut = evidence.length - kept.length;
  return cut === 0 ? kept : [...kept, `and ${String(cut)} more`];
}

/** UTF-8 of a text in JSON, or a little more: three bytes for whatever is not ASCII, counted by its halves. */
const bytesOf = (text: string): number => text.length + 2 * text.replaceAll(/[ -~]/g, '').length;

/** Keeps the newest entries and every one that the journal does not have. */
export function trim(tail: LedgerEntry[], journaled: number): LedgerEntry[] {
  const keep = tail.findIndex(
    (entry, index) => entry.seq > journaled || index >= tail.length - TAIL,
  );
  return keep <= 0 ? tail : tail.slice(keep);
}

/** Entries with seq < before, newest first, of those that are held. */
export function pageOf(
  { tail, seq }: Ledgered,
  before: number | undefined,
  limit: number,
): LedgerPage {
  const entries = tail
    .filter((entry) => before === undefined || entry.seq < before)
    .slice(-limit)
    .reverse();
  return { entries, oldestHeld: tail[0]?.seq ?? seq + 1 };
}

/** The first entry that does not follow from the one before it; null when the chain holds. Oldest first. */
export function firstBroken(
  entries: readonly LedgerEntry[],
): { seq: number; reason: string } | null {
  let previous = {
    seq: (entries[0]?.seq ?? 1) - 1,
    hash: entries[0]?.seq === 1 ? GENESIS : entries[0]?.previousHash,
  };
  for (const { hash, ...body } of entries) {
    if (body.seq !== previous.seq + 1)
      return { seq: body.seq, reason: `expected seq ${String(previous.seq + 1)}` };
    if (body.previousHash !== previous.hash)
      return { seq: body.seq, reason: 'previousHash is not the hash of the entry before' };
    if (digestOf(body) !== hash)
      return { seq: body.seq, reason: 'hash is not that of its content' };
    previous = { seq: body.seq, hash };
  }
  return null;
}
