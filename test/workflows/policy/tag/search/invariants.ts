import { isDeepStrictEqual } from 'node:util';
import type { LedgerEntry } from '../../../../../temporal/contracts/ledger.js';
import type { Route } from '../../../../../temporal/contracts/route.js';
import { modelId } from '../../../../../temporal/ids.js';
import { judgingDigest } from '../../../../../workflows/policy/tag/define.js';
import { hostOf, routeOf } from '../../../../../workflows/policy/tag/route.js';
import type { Lease, TagState } from '../../../../../workflows/policy/tag/state.js';
import { rollbackTarget } from '../../../../../workflows/policy/tag/target.js';
import { warmMs } from '../../../../../workflows/policy/tag/warmth.js';
import type { Parts, World } from './world.js';

/** One step, and the instant at which it was taken. */
export interface Step {
  label: string;
  before: World;
  after: World;
  at: string;
  /** Which hosts the tag would let go now. */
  retirable: Parts['retirable'];
  /** Entries that the step appended. */
  entries: readonly LedgerEntry[];
}

type Invariant = [id: string, holds: (step: Step) => boolean];

/** What a run whose lease is gone may still ask for. */
export const ENDED_LEASE = 'an ended lease commits';

const MOVES = new Set(['promote', 'rollback', 'demote', 'retire']);

/** Of one step. */
const OF_STEPS: readonly Invariant[] = [
  ['I1 nothing is done for a lease that has ended', ({ label }) => label !== ENDED_LEASE],
  ['I3 every intent is settled by exactly one entry of its fence', settledOnce],
  ['I3 the ledger is gapless and chained', chained],
  ['I3 what is live changes with one applied entry that says so', movedByEntry],
  ['I5 a version that was live is kept as a target', kept],
  ['I6 no candidate goes live without the approvals it needs', approvedLive],
  ['I7 the store never goes back to a lower fence', neverBack],
  ['no quarantined version becomes live', neverFromQuarantine],
  ['no rollout of a frozen tag gets on', frozenStands],
];

/** Of the state it leads to. */
const OF_STATES: readonly Invariant[] = [
  ['I13 without a shadow there is no mirror', noMirrorLeft],
  ['I1 what is live is no rollback target, and the targets are distinct', oneLive],
  ['I1 the store serves the one model that the tag says is live', servesLive],
  ['I5 there is a target for a rollback when another unquarantined version was live', hasTarget],
  ['I5 the target has a host for its warm time', warmTargetHeld],
  ['I5 no host that the route in force names is retired', hosted],
  ['I6 no candidate has traffic without the approvals it needs', approvedTraffic],
  ['I7 nothing that was given up is in force at rest', notGivenUp],
  ['I4 at rest the store has the route that the state means, under the highest fence', inForce],
];

/** The first invariant that the step breaks. */
export function brokenStep(of: Omit<Step, 'entries'>): string | null {
  return first(OF_STEPS, of);
}

/** The first that the state it leads to breaks. */
export function brokenState(of: Omit<Step, 'entries'>): string | null {
  return first(OF_STATES, of);
}

function first(invariants: readonly Invariant[], of: Omit<Step, 'entries'>): string | null {
  const step = { ...of, entries: appended(of.before.state, of.after.state) };
  return invariants.find(([, holds]) => !holds(step))?.[0] ?? null;
}

const atRest = ({ intent, serving }: TagState): boolean => intent === null && serving.inSync;

const idOf = ({ tag }: TagState, version: number | null): string | null =>
  version === null ? null : modelId(tag, version);

const appended = (before: TagState, { tail, seq }: TagState): LedgerEntry[] =>
  seq === before.seq ? [] : tail.filter((entry) => entry.seq > before.seq);

function oneLive({ after }: Step): boolean {
  const { live, stack } = after.state;
  return new Set(stack).size === stack.length && (live === null || !stack.includes(live));
}

function servesLive({ after: { state, store } }: Step): boolean {
  return !atRest(state) || (store.route.live?.modelId ?? null) === idOf(state, state.live);
}

function neverBack({ before, after }: Step): boolean {
  return after.store.fence >= before.store.fence;
}

function noMirrorLeft({ after: { state, store } }: Step): boolean {
  if (state.shadow !== null) return true;
  return !routeOf(state).mirror && !(atRest(state) && store.route.mirror);
}

/** One entry tells of a repair that fails however often it is tried again: it changes nothing that is live. */
function settledOnce({ before: { state }, after, entries }: Step): boolean {
  const { intent } = state;
  const fenced = entries.filter(({ fence }) => fence !== null);
  if (intent === null || after.state.intent === intent) return fenced.length === 0;
  if (fenced.length === 0)
    return intent.entry.action === 'repair' && state.tail.at(-1)?.outcome === 'failed';
  return fenced.length === 1 && fenced[0]?.fence === intent.fence;
}

function chained({ before, after, entries }: Step): boolean {
  if (after.state.seq !== before.state.seq + entries.length) return false;
  let { seq, head } = before.state;
  for (const entry of entries) {
    if (entry.seq !== seq + 1 || entry.previousHash !== head) return false;
    ({ seq, hash: head } = entry);
  }
  return after.state.head === head;
}

function movedByEntry({ before, after, entries }: Step): boolean {
  const [from, to] = [before.state, after.state].map((state) => idOf(state, state.live));
  const said = entries.filter(({ action, outcome }) => outcome === 'applied' && MOVES.has(action));
  if (said.length === 0) return from === to;
  return said.length === 1 && said[0]?.from === from && said[0]?.to === to;
}

function inForce({ after: { state, store, late } }: Step): boolean {
  if (!atRest(state)) return true;
  const newest =
    store.fence === state.serving.fence && late.every(({ fence }) => fence < store.fence);
  return newest && isDeepStrictEqual(store.route, routeOf(state));
}

function hasTarget({ after: { state } }: Step): boolean {
  const fit = state.stack.some((v) => v !== state.live && !(String(v) in state.quarantined));
  return fit === (rollbackTarget(state) !== null);
}

function warmTargetHeld({ after: { state }, at }: Step): boolean {
  const target = rollbackTarget(state);
  if (target === null || state.retired || state.liveSince === null) return true;
  const until = new Date(Date.parse(state.liveSince) + warmMs(state)).toISOString();
  if (until <= at) return true;
  const host = state.hosts[hostOf(state, target)];
  return host !== undefined && !host.retiring && (host.warmUntil ?? '') >= until;
}

function hosted({ after: { state, store }, at, retirable }: Step): boolean {
  const leaving = new Set(retirable(state, at));
  return named(store.route).every(
    (host) => state.hosts[host]?.retiring === false && !leaving.has(host),
  );
}

function kept({ before, after }: Step): boolean {
  const were = [...before.state.stack, before.state.live].filter((v) => v !== null);
  const are = new Set([...after.state.stack, after.state.live]);
  return after.state.stack.length >= 20 || were.every((v) => are.has(v));
}

const named = ({ live, canary, mirror }: Route): string[] =>
  [live, canary, mirror].flatMap((target) => (target ? [target.host] : []));

/** Approvals of distinct people who did not ask for it. */
function enough(state: TagState, lease: Lease): boolean {
  const asks = state.definition?.definition.gate.approval;
  if (!state.definition || !asks || lease.breakGlass) return true;
  // A definition that came after it was judged ends the lease at its next step; until then the one before counts.
  if (judgingDigest(state.definition.definition) !== lease.judgedUnder && !lease.approval)
    return true;
  const given = new Set((lease.approval?.given ?? []).map(({ by }) => by));
  const others = [...given].filter((who) => !lease.requesters.includes(who));
  return others.length >= asks.required;
}

function approvedTraffic({ after: { state, store } }: Step): boolean {
  const { lease, intent } = state;
  if (!lease) return true;
  const id = modelId(state.tag, lease.version);
  const routes = [
    routeOf(state),
    ...(intent ? [intent.route] : []),
    ...(atRest(state) ? [store.route] : []),
  ];
  const carries = routes.some(({ live, canary }) =>
    [live, canary].some((of) => of?.modelId === id),
  );
  return !carries || enough(state, lease);
}

function approvedLive({ before: { state }, after, entries }: Step): boolean {
  const gone = entries.some(({ action, outcome }) => action === 'promote' && outcome === 'applied');
  if (!gone || after.state.live === state.live) return true;
  return state.lease !== null && enough(state, state.lease);
}

function notGivenUp({ after: { state, store } }: Step): boolean {
  const entry = state.tail.find(({ fence }) => fence === store.fence);
  return !atRest(state) || entry === undefined || entry.outcome === 'applied';
}

function neverFromQuarantine({ before, after }: Step): boolean {
  const { live, intent, quarantined } = after.state;
  const moved = live !== before.state.live ? live : null;
  const planned =
    intent !== before.state.intent && intent && intent.live !== live ? intent.live : null;
  return [moved, planned].every((v) => v === null || !(String(v) in quarantined));
}

function frozenStands({ before, after, at }: Step): boolean {
  const freezes = [before.state.frozen, before.state.platformFrozen];
  if (!freezes.some((of) => of && (of.until === null || of.until > at))) return true;
  const { intent, lease } = after.state;
  const steps =
    ['promote', 'shift'].includes(intent?.entry.action ?? '') && intent !== before.state.intent;
  const begun = lease !== null && lease.id !== before.state.lease?.id;
  const gained =
    after.state.live !== before.state.live && before.state.intent?.entry.action === 'promote';
  return !steps && !begun && !gained;
}
