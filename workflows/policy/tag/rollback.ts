import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type {
  DemoteCommand,
  RetireCommand,
  RollbackCommand,
} from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { afterLease } from './lease.js';
import { quarantine } from './quarantine.js';
import { routeOf, routeTo, withHost } from './route.js';
import { settle } from './settle.js';
import { withoutShadow } from './shadow.js';
import { draft, refuse, type EntryDraft, type Outcome, type TagState } from './state.js';
import { rollbackTarget } from './target.js';
import { warmTarget } from './warmth.js';

/**
 * The model a rollback without `from` leaves. Resolved when the command arrives, not when its turn comes, so that two
 * people who roll the same bad model back together go back once.
 */
export function rollbackFrom({ intent, lease, live }: TagState): number | null {
  // Another rollback has taken the candidate's lease already, and is not settled yet.
  if (intent?.entry.action === 'abort') return intent.entry.from;
  // One that waits for people or for a window has no traffic to be taken off.
  return lease && (lease.waitingFor === null || lease.weightPercent > 0) ? lease.version : live;
}

/**
 * Takes traffic off `from`. A running rollout's candidate is aborted and quarantined; the live model is left for the
 * target; any other version is only quarantined, which wins the race with a rollout that has not begun yet.
 */
export function rollback(
  state: TagState,
  command: RollbackCommand & { from: number },
  at: string,
): Outcome<LedgerEntry | null> {
  const { from, asked } = command;
  if (state.lease?.version === from && state.live !== from) {
    const entry = draft('abort', from, state.live, asked);
    return intend(state, { entry, live: state.live, quarantine: from, at });
  }
  if (state.live !== from) {
    const before = lastDeparture(state, from);
    if (String(from) in state.quarantined && before) return { state, result: before };
    return quarantine(state, { asked, version: from }, at);
  }
  const target = targetFor(state, command);
  if (typeof target !== 'number') return target;
  return intend(state, {
    entry: draft('rollback', from, target, asked),
    live: target,
    quarantine: from,
    at,
  });
}

/** Takes the live model out of service without a verdict on it: nothing is quarantined. */
export function demote(
  state: TagState,
  { asked, to }: DemoteCommand,
  at: string,
): Outcome<LedgerEntry | null> {
  if (state.live === null)
    return refuse(
      'NoRollbackTarget',
      `expected a live model of ${state.tag} to demote, and nothing is live`,
    );
  const target = to === 'none' ? null : rollbackTarget(state);
  if (to !== 'none' && target === null) return noTarget(state);
  return intend(state, {
    entry: draft('demote', state.live, target, asked),
    live: target,
    quarantine: null,
    at,
  });
}

function targetFor(
  state: TagState,
  { to, from }: RollbackCommand & { from: number },
): number | ReturnType<typeof refuse> {
  if (to === undefined || to === 'previous') return rollbackTarget(state, from) ?? noTarget(state);
  const wanted = typeof to === 'number' ? to : liveVersionAt(state, to.at);
  if (wanted === null) return noTarget(state);
  if (wanted === from)
    return refuse(
      'NoRollbackTarget',
      `expected a target other than ${modelId(state.tag, from)}, the model to leave`,
    );
  if (String(wanted) in state.quarantined) {
    return refuse('Quarantined', `${modelId(state.tag, wanted)} is quarantined; release it first`, {
      modelId: modelId(state.tag, wanted),
    });
  }
  return state.stack.includes(wanted) ? wanted : noTarget(state, wanted);
}

function noTarget(state: TagState, wanted?: number): ReturnType<typeof refuse> {
  const known = state.stack.map(
    (version) =>
      modelId(state.tag, version) + (String(version) in state.quarantined ? ' (quarantined)' : ''),
  );
  const expected =
    wanted === undefined
      ? 'a model that was live before and is not quarantined'
      : `${modelId(state.tag, wanted)} to have been live`;
  return refuse(
    'NoRollbackTarget',
    `expected ${expected}; models that were live: ${known.join(', ') || 'none'}`,
  );
}

/** The model live at an instant, as far as the held entries tell. */
function liveVersionAt(state: TagState, at: string): number | null {
  const moves = state.tail.filter(
    ({ action, outcome }) =>
      outcome === 'applied' && ['promote', 'rollback', 'demote', 'repair'].includes(action),
  );
  const to = moves.filter((entry) => Date.parse(entry.at) <= Date.parse(at)).at(-1)?.to ?? null;
  return to === null ? null : Number(to.slice(to.lastIndexOf('/') + 1));
}

function lastDeparture(state: TagState, from: number): LedgerEntry | undefined {
  const id = modelId(state.tag, from);
  return state.tail.findLast(
    ({ action, from: left, to }) =>
      (left === id && ['rollback', 'abort'].includes(action)) ||
      (action === 'quarantine' && to === id),
  );
}

/** Ends the tag's service: what was live is live no more, and nothing of it is kept. */
export function retire(
  state: TagState,
  { asked }: RetireCommand,
  at: string,
): Outcome<LedgerEntry | null> {
  if (!state.definition || state.retired)
    return refuse(
      'UnknownTag',
      `expected a definition of ${state.tag} in force, and there is none`,
      {
        tag: state.tag,
      },
    );
  const entry = draft('retire', state.live, null, asked);
  return intend(state, { entry, live: null, quarantine: null, at });
}

/**
 * Takes the numbers at once: what was in flight is superseded and the lease is gone before anything is awaited, so
 * nothing that began earlier can be applied later.
 */
function intend(
  before: TagState,
  plan: {
    entry: EntryDraft;
    live: number | null;
    quarantine: number | null;
    at: string;
  },
): Outcome<null> {
  const superseded = before.intent
    ? settle(before, { fence: before.intent.fence, outcome: 'superseded', at: plan.at }).state
    : before;
  const leaseless = endLease(withQuarantine(superseded, plan), plan);
  const dropped =
    plan.live === before.live ? leaseless : withoutShadow(leaseless, plan.entry, plan.at);
  const state = plan.live === null ? dropped : withHost(dropped, plan.live, null);
  const fence = state.fence + 1;
  const route = plan.live === state.live ? routeOf(state) : routeTo(state, plan.live);
  const intent = {
    fence,
    route,
    entry: plan.entry,
    live: plan.live,
    soft: false,
  };
  return { state: { ...state, fence, intent }, result: null };
}

/** At once, not when the write is confirmed: whatever becomes of the write, the model that was left must not come back. */
function withQuarantine(
  state: TagState,
  { entry, quarantine: version, at }: { entry: EntryDraft; quarantine: number | null; at: string },
): TagState {
  if (version === null) return state;
  const mark = { by: entry.actor, reason: entry.reason, at };
  const quarantined = { ...state.quarantined, [String(version)]: mark };
  // A candidate that was live before may have been the target.
  return warmTarget({ ...state, quarantined }, at);
}

/** A lease that ends because the incumbent changes is its own entry; the candidate's own rollback is told by that one. */
function endLease(state: TagState, { entry, at }: { entry: EntryDraft; at: string }): TagState {
  const { lease } = state;
  if (!lease) return state;
  const ended = afterLease(state, lease, { type: 'LeaseLost', asked: entry, at, tell: true });
  if (entry.action === 'abort') return ended;
  const aborted = {
    ...entry,
    action: 'abort' as const,
    from: lease.version,
    to: state.live,
    reason: `the incumbent changed: ${entry.reason}`.slice(0, 400),
  };
  return append(ended, aborted, { at, outcome: 'applied', fence: null }).state;
}
