import { retirable } from '../../../../../workflows/policy/tag/hosts.js';
import { routeOf } from '../../../../../workflows/policy/tag/route.js';
import type { Lease, Outcome, TagState } from '../../../../../workflows/policy/tag/state.js';
import { transition, type Command } from '../../../../../workflows/policy/tag/transition.js';
import { APPROVED, type Configuration } from './spaces.js';
import type { Parts } from './world.js';

type Step = Parts['transition'];

/** A transition that is handed another state for some commands, and whose outcome may be put right afterwards. */
const instead =
  (
    types: readonly Command['type'][],
    seen: (state: TagState) => TagState,
    after: (next: TagState, before: TagState) => TagState = (next) => next,
  ): Step =>
  (state, command, at) => {
    if (!types.includes(command.type)) return transition(state, command, at);
    const outcome = transition(seen(state), command, at);
    return changed(outcome, (next) => after(next, state));
  };

const changed = (outcome: Outcome, change: (state: TagState) => TagState): Outcome =>
  outcome.refused ? outcome : { ...outcome, state: change(outcome.state) };

const withLease = (state: TagState, over: (lease: Lease) => Partial<Lease>): TagState => ({
  ...state,
  lease: state.lease && { ...state.lease, ...over(state.lease) },
});

/** Takes whoever asks under a lease for its holder. */
const anyLease: Step = (state, command, at) =>
  transition(
    state,
    command.type === 'commitRollout' ? { ...command, lease: state.lease?.id ?? '' } : command,
    at,
  );

/** Each by the guard that it removes, with the invariant that must be seen to break. */
export const MUTANTS: readonly (Configuration & { removes: string; breaks: string })[] = [
  {
    removes: 'reading back: a write that nobody confirmed counts as done',
    breaks: 'I1',
    parts: { readsBack: false },
  },
  { removes: 'the look at the lease', breaks: 'I1', parts: { transition: anyLease } },
  {
    removes: 'the entry of what a rollback supersedes',
    breaks: 'I3',
    parts: { transition: instead(['rollback'], (state) => ({ ...state, intent: null })) },
  },
  {
    removes: 'the lock: a command does not wait for the write before it',
    breaks: 'I3',
    parts: { locks: false },
  },
  {
    removes: 'the look at the route before a host is retired',
    breaks: 'I5',
    alphabet: { canary: true },
    parts: { retirable: (state, at) => retirable({ ...state, logic: 1 }, at) },
  },
  {
    removes: 'the warm time of the model before',
    breaks: 'I5',
    parts: {
      transition: instead(
        ['settle'],
        (state) => state,
        (next) => ({ ...next, hosts: cold(next.hosts) }),
      ),
    },
  },
  {
    removes: 'the stack of models that were live',
    breaks: 'I5',
    parts: {
      transition: instead(
        ['settle'],
        (state) => state,
        (next) => ({ ...next, stack: next.stack.slice(0, 0) }),
      ),
    },
  },
  {
    removes: 'the look at the approvals before the commit',
    breaks: 'I6',
    alphabet: { approval: true },
    definition: APPROVED,
    parts: {
      transition: instead(
        ['commitRollout'],
        (state) => withLease(state, () => ({ approval: null })),
        (next, { lease }) => withLease(next, () => ({ approval: lease?.approval ?? null })),
      ),
    },
  },
  {
    removes: 'the refusal of an approval by who asked for the rollout',
    breaks: 'I6',
    alphabet: { approval: true },
    definition: APPROVED,
    parts: {
      transition: instead(
        ['approve'],
        (state) => withLease(state, () => ({ requesters: [] })),
        (next, { lease }) => withLease(next, () => ({ requesters: lease?.requesters ?? [] })),
      ),
    },
  },
  {
    removes: 'the fence: the store takes every write',
    breaks: 'I7',
    alphabet: { canary: true },
    parts: { accepts: (inForce, write) => inForce.fence !== write.fence },
  },
  {
    removes: 'the route from the newest state: the one from before the end of a shadow is put back',
    breaks: 'I13',
    alphabet: { shadow: true },
    parts: {
      transition: instead(
        ['endShadow'],
        (state) => state,
        (next, before) => ({
          ...next,
          intent: next.intent && { ...next.intent, route: routeOf(before) },
        }),
      ),
    },
  },
  {
    removes: 'the look at the quarantine',
    breaks: 'no quarantined version becomes live',
    alphabet: { quarantine: true },
    parts: {
      transition: instead(
        ['beginRollout', 'commitRollout'],
        (state) => ({ ...state, quarantined: {} }),
        (next, { quarantined }) => ({ ...next, quarantined }),
      ),
    },
  },
  {
    removes: 'the look at the freeze',
    breaks: 'no rollout of a frozen tag gets on',
    alphabet: { freeze: true },
    parts: {
      transition: instead(
        ['commitRollout'],
        (state) => ({ ...state, frozen: null, platformFrozen: null }),
        (next, { frozen, platformFrozen }) => ({ ...next, frozen, platformFrozen }),
      ),
    },
  },
];

const cold = (hosts: TagState['hosts']): TagState['hosts'] =>
  Object.fromEntries(
    Object.entries(hosts).map(([host, held]) => [host, { ...held, warmUntil: null }]),
  );
