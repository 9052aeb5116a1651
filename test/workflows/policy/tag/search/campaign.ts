import type { ModelDefinition } from '../../../../../temporal/contracts/definition.js';
import { digestOf } from '../../../../../temporal/digest.js';
import { after } from '../../../../../temporal/duration.js';
import { firstBroken } from '../../../../../workflows/policy/ledger.js';
import { approvalView } from '../../../../../workflows/policy/tag/approval.js';
import { markHost, retirable } from '../../../../../workflows/policy/tag/hosts.js';
import { shadowDue } from '../../../../../workflows/policy/tag/shadow.js';
import type { TagState } from '../../../../../workflows/policy/tag/state.js';
import type { Command } from '../../../../../workflows/policy/tag/transition.js';
import { definition, model } from '../tags.js';
import { brokenState, brokenStep } from './invariants.js';
import { by } from './moves.js';
import { APPROVED } from './spaces.js';
import { answered, arrived, begun, commanded, REAL, writeOf, type World } from './world.js';

/** One thing that happens, some time after the one before. `version`, `choice`: whatever it asks for. */
export interface Event {
  kind: (typeof KINDS)[number];
  version: number;
  choice: number;
  minutes: number;
}

const DEFINITIONS: readonly Partial<ModelDefinition>[] = [
  {},
  // A warm time is that of the definition under which the model was left, so that all have the same.
  { rollout: { watch: '10m' } },
  { whenBusy: 'supersede' },
  { ...APPROVED, whenBusy: 'reject' },
];
const PEOPLE = ['ada', 'bob', 'cem'] as const;
/** Far less than the 2 MiB that continue-as-new may carry; no answers are kept here. */
const LARGEST = 600_000;

type Make = (state: TagState, event: Event, at: string) => Command | null;

const step = ({ lease }: TagState) => ({
  ...{ asked: by('ada', lease?.workflowId ?? 'gone'), lease: lease?.id ?? 'gone', step: 1 },
});
const picked = <Item>(items: readonly Item[], choice: number): Item =>
  items[choice % items.length] as Item;

const IN_TURN = {
  begin: (_, { version }) => ({
    type: 'beginRollout',
    asked: by('ada', `rollout-${String(version)}`),
    model: model(version),
    warrant: { kind: 'gate', registryRunId: 'run' },
  }),
  shift: (state, { choice }) => ({
    type: 'shiftTraffic',
    ...step(state),
    weightPercent: 1 + choice,
  }),
  commit: (state) => ({ type: 'commitRollout', ...step(state) }),
  abort: (state) => ({ type: 'abortRollout', ...step(state) }),
  renew: (state, { choice }) => ({
    ...{ type: 'renewLease', ...step(state) },
    waitingFor: picked(['approval', 'window', null] as const, choice),
  }),
  define: (_, { choice }) => defining(picked(DEFINITIONS, choice)),
  approve: (state, { choice }) => deciding(state, 'approve', choice),
  reject: (state, { choice }) => deciding(state, 'reject', choice),
  quarantine: (_, { version }) => ({ type: 'quarantine', asked: by('eve'), version }),
  release: (_, { version }) => ({ type: 'release', asked: by('eve'), version }),
  freeze: (_, { choice }, at) => ({
    ...{ type: 'freeze', asked: by('ops'), until: after(at, 600_000 * (1 + choice)) },
    scope: picked(['tag', 'platform'] as const, choice),
  }),
  beginShadow: (_, { version, choice }, at) => ({
    ...{ type: 'beginShadow', asked: by('ada', `shadow-${String(version)}`) },
    ...{ model: model(version), samplingPercent: 10, until: after(at, 60_000 * (1 + choice)) },
  }),
  endShadow: ({ shadow }) => ({
    type: 'endShadow',
    asked: by('ada'),
    shadow: shadow?.id ?? 'gone',
  }),
  repair: ({ serving }) => (serving.inSync ? null : { type: 'repair', reason: 'unknown' }),
  expire: (state, _, at) =>
    state.lease && state.lease.deadline <= at
      ? { type: 'abortRollout', by: 'tag', ...step(state) }
      : null,
  mirrorDue: (state, _, at) =>
    shadowDue(state, at) === null
      ? null
      : { type: 'endShadow', asked: by('modelyard'), shadow: state.shadow?.id ?? '' },
} satisfies Record<string, Make>;

const AHEAD = {
  rollback: (_, { version, choice }) => ({
    ...{ type: 'rollback', asked: by('ops') },
    ...(choice % 3 > 0 && { from: version }),
    ...(choice % 5 === 0 && { to: picked([1, 2, 3, 4], choice) }),
  }),
  demote: (_, { choice }) => ({
    ...{ type: 'demote', asked: by('ops') },
    to: picked(['previous', 'none'] as const, choice),
  }),
  withdraw: (state, { choice }) => {
    const subject = approvalView(state)?.subject ?? {
      ...{ rollout: state.liveApproved?.rollout ?? '', version: 1 },
      ...{ digest: '', from: null, liveSeq: null },
    };
    return { type: 'withdraw', asked: by(picked(PEOPLE, choice)), subject };
  },
  retire: (_, { choice }) => (choice % 4 > 0 ? null : { type: 'retire', asked: by('ops') }),
} satisfies Record<string, Make>;

const WRITES = [
  'arrive',
  'confirm',
  'giveUp',
  'arriveLate',
  'retireHost',
  'hostGone',
  'thaw',
] as const;

export const KINDS = [
  ...(Object.keys(IN_TURN) as (keyof typeof IN_TURN)[]),
  ...(Object.keys(AHEAD) as (keyof typeof AHEAD)[]),
  ...WRITES,
] as const;

function defining(over: Partial<ModelDefinition>): Command {
  const of = { ...definition, ...over };
  return {
    ...{ type: 'define', asked: by('ada'), definition: of, digest: digestOf(of) },
    ...{ codeUri: 'code', codeRevision: 'abc' },
  };
}

function deciding(state: TagState, type: 'approve' | 'reject', choice: number): Command | null {
  const view = approvalView(state);
  return view && { type, asked: by(picked(PEOPLE, choice)), subject: view.subject };
}

/** Lets it all happen to a tag; the first invariant that breaks, with the events up to it, or null. */
export function lived(start: TagState, events: readonly Event[]): string | null {
  let world = begun(start);
  let at = '2027-01-01T00:00:00.000Z';
  for (const [index, event] of events.entries()) {
    at = after(at, event.minutes * 60_000);
    const next = happened(world, event, at) ?? world;
    const seen = { before: world, after: next, label: event.kind, at, retirable };
    const broken = brokenStep(seen) ?? brokenState(seen);
    if (broken !== null) return `event ${String(index)} breaks: ${broken}`;
    world = next;
  }
  return firstBroken(world.state.tail)?.reason ?? tooLarge(world.state);
}

const tooLarge = (state: TagState): string | null =>
  JSON.stringify(state).length > LARGEST ? 'the state is larger than it may be' : null;

function happened(world: World, event: Event, at: string): World | null {
  const { kind } = event;
  const { intent } = world.state;
  const make: Make | undefined =
    intent === null && kind in IN_TURN
      ? IN_TURN[kind as keyof typeof IN_TURN]
      : intent?.soft !== false && kind in AHEAD
        ? AHEAD[kind as keyof typeof AHEAD]
        : undefined;
  const command = make?.(world.state, event, at) ?? null;
  if (command) return commanded(world, command, { parts: REAL, at });
  return outside(world, event, at);
}

/** What happens without a command of somebody. */
function outside(world: World, { kind, choice }: Event, at: string): World | null {
  const { state, store, late } = world;
  const { intent } = state;
  switch (kind) {
    case 'arrive':
      return intent && arrived(world, writeOf(state, intent), REAL);
    case 'confirm':
      return intent?.fence === store.fence ? answered(world, store, { parts: REAL, at }) : null;
    case 'giveUp':
      return answered(world, null, { parts: REAL, at });
    case 'arriveLate':
      return late.length === 0 ? null : arrived(world, picked(late, choice), REAL);
    case 'retireHost':
      return retirable(state, at).reduce<World>(
        (of, host) => ({ ...of, state: markHost(of.state, host, 'retiring') }),
        world,
      );
    case 'hostGone':
      return Object.keys(state.hosts).reduce<World>(
        (of, host) => ({ ...of, state: markHost(of.state, host, 'gone') }),
        world,
      );
    case 'thaw':
      return commanded(world, { type: 'unfreeze', asked: by('ops') }, { parts: REAL, at });
    default:
      return null;
  }
}
