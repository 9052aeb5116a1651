import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { FreezeCommand, UnfreezeCommand } from '../../../temporal/contracts/tag.js';
import { append } from '../ledger.js';
import { draft, refuse, type Freeze, type Outcome, type TagState } from './state.js';

/** The freeze that holds at an instant: the platform's before the tag's own. */
export function frozenAt(state: TagState, at: string): Freeze | null {
  return [state.platformFrozen, state.frozen].find((freeze) => freeze && holds(freeze, at)) ?? null;
}

/** Why nothing may be promoted now; null when it may. */
export function frozenRefusal(state: TagState, at: string): ReturnType<typeof refuse> | null {
  const freeze = frozenAt(state, at);
  if (!freeze) return null;
  const { by, until, reason } = freeze;
  const end = until === null ? '' : ` until ${until}`;
  return refuse('Frozen', `${state.tag} is frozen by ${by}${end}: ${reason}`, { by, until });
}

/** Stops promotions; rollback and demote never ask it. */
export function freeze(
  state: TagState,
  { asked, until, scope }: FreezeCommand,
  at: string,
): Outcome<LedgerEntry> {
  const field = fieldOf(scope);
  const held = state[field];
  if (held && holds(held, at))
    return refuse('Frozen', `${state.tag} is frozen already, by ${held.by}: ${held.reason}`, {
      by: held.by,
      until: held.until,
    });
  if (until !== undefined && until <= at)
    return refuse('InvalidRequest', `expected the end of the freeze after ${at}, got ${until}`, {
      issues: [{ path: 'until', message: `expected an instant after ${at}, got ${until}` }],
    });
  const set = { by: asked.actor, reason: asked.reason, until: until ?? null };
  const entry = {
    ...draft('freeze', null, null, asked),
    evidence: [scopeOf(scope), ...(until === undefined ? [] : [`until ${until}`])],
  };
  const settled = { at, outcome: 'applied' as const, fence: null };
  const appended = append({ ...state, [field]: set }, entry, settled);
  return { state: appended.state, result: appended.entry };
}

export function unfreeze(
  state: TagState,
  { asked, scope }: UnfreezeCommand,
  at: string,
): Outcome<LedgerEntry> {
  const field = fieldOf(scope);
  if (!state[field])
    return refuse('InvalidRequest', `${state.tag} is not frozen${elsewhere(state, scope)}`, {
      issues: [{ path: 'tag', message: `expected a frozen tag${elsewhere(state, scope)}` }],
    });
  const entry = { ...draft('unfreeze', null, null, asked), evidence: [scopeOf(scope)] };
  const settled = { at, outcome: 'applied' as const, fence: null };
  const appended = append({ ...state, [field]: null }, entry, settled);
  return { state: appended.state, result: appended.entry };
}

/** The next instant at which a freeze ends by itself, with whose it is; null when none does. */
export function nextThaw(state: TagState): { scope: 'tag' | 'platform'; until: string } | null {
  const ends = (['tag', 'platform'] as const).flatMap((scope) => {
    const until = state[fieldOf(scope)]?.until ?? null;
    return until === null ? [] : [{ scope, until }];
  });
  return ends.sort((a, b) => a.until.localeCompare(b.until))[0] ?? null;
}

const holds = ({ until }: Freeze, at: string): boolean => until === null || until > at;

const fieldOf = (scope: FreezeCommand['scope']): 'frozen' | 'platformFrozen' =>
  scope === 'platform' ? 'platformFrozen' : 'frozen';

const scopeOf = (scope: FreezeCommand['scope']): string =>
  scope === 'platform' ? 'every tag' : 'this tag';

const elsewhere = ({ platformFrozen }: TagState, scope: FreezeCommand['scope']): string =>
  scope !== 'platform' && platformFrozen ? "; the platform's freeze is lifted with '*'" : '';
