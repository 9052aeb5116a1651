import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { FreezeAllCommand, UnfreezeAllCommand } from '../../../temporal/contracts/platform.js';
import type { Asked } from '../../../temporal/contracts/tag.js';
import { platformWorkflowId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { draft, refuse, type Freeze, type Refusal } from '../tag/state.js';
import type { PlatformState } from './state.js';

export type PlatformOutcome<Result> =
  { refused: Refusal } | { refused?: never; state: PlatformState; result: Result };

/** The freeze of every tag that holds at an instant. */
export function frozenAt({ frozen }: PlatformState, at: string): Freeze | null {
  return frozen && (frozen.until === null || frozen.until > at) ? frozen : null;
}

export function freezeAll(
  state: PlatformState,
  { asked, until }: FreezeAllCommand,
  at: string,
): PlatformOutcome<LedgerEntry> {
  const held = frozenAt(state, at);
  if (held)
    return refuse('Frozen', `every tag is frozen already, by ${held.by}: ${held.reason}`, {
      by: held.by,
      until: held.until,
    });
  if (until !== undefined && until <= at)
    return refuse('InvalidRequest', `expected the end of the freeze after ${at}, got ${until}`, {
      issues: [{ path: 'until', message: `expected an instant after ${at}, got ${until}` }],
    });
  const frozen = { by: asked.actor, reason: asked.reason, until: until ?? null };
  const evidence = until === undefined ? [] : [`until ${until}`];
  return ordered({ ...state, frozen }, { action: 'freeze', asked, evidence }, at);
}

export function unfreezeAll(
  state: PlatformState,
  { asked }: UnfreezeAllCommand,
  at: string,
): PlatformOutcome<LedgerEntry> {
  if (!state.frozen)
    return refuse(
      'InvalidRequest',
      "the platform is not frozen; a tag's own freeze is lifted there",
      {
        issues: [{ path: 'tag', message: 'expected a frozen platform' }],
      },
    );
  return ordered({ ...state, frozen: null }, { action: 'unfreeze', asked, evidence: [] }, at);
}

/** What the tags have to be told: the newest entry; null before the first. */
export interface Order {
  number: number;
  frozen: Freeze | null;
  /** The same for every tag and every try, so that a tag does it once; keyed as no caller can foresee. */
  asked: Asked;
}

export function orderOf({ tail, seq, frozen }: PlatformState): Order | null {
  const entry = tail.at(-1);
  if (!entry) return null;
  const { actor, reason, hash } = entry;
  const key = `${platformWorkflowId}:${hash}`;
  const asked = { actor, reason, workflowId: platformWorkflowId, key, hash };
  return { number: seq, frozen, asked };
}

/** Appends the entry, which no tag has acknowledged yet. */
function ordered(
  state: PlatformState,
  { action, asked, evidence }: { action: 'freeze' | 'unfreeze'; asked: Asked; evidence: string[] },
  at: string,
): PlatformOutcome<LedgerEntry> {
  const entry = { ...draft(action, null, null, asked), evidence: ['every tag', ...evidence] };
  const settled = { at, outcome: 'applied' as const, fence: null };
  const appended = append(state, entry, settled);
  const pending = Object.keys(state.tags);
  return { state: { ...appended.state, pending }, result: appended.entry };
}
