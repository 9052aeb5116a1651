import type { Asked } from '../../../../../temporal/contracts/tag.js';
import { approvalView } from '../../../../../workflows/policy/tag/approval.js';
import { markHost } from '../../../../../workflows/policy/tag/hosts.js';
import { rollbackTarget } from '../../../../../workflows/policy/tag/target.js';
import type { TagState } from '../../../../../workflows/policy/tag/state.js';
import type { Command } from '../../../../../workflows/policy/tag/transition.js';
import { model } from '../tags.js';
import { ENDED_LEASE } from './invariants.js';
import { answered, arrived, AT, commanded, LATER, OVER, writeOf } from './world.js';
import type { Parts, World } from './world.js';

/** What may happen besides promotions, rollbacks, demotions, lost writes and lost runs, which always may. */
export interface Alphabet {
  versions: readonly number[];
  canary: boolean;
  /** A rollback to a version that is named, and a demotion to none. */
  anyTarget: boolean;
  quarantine: boolean;
  /** More candidates than one at a time. */
  queue: boolean;
  hosts: boolean;
  shadow: boolean;
  approval: boolean;
  freeze: boolean;
  /** How many writes that were given up may still be under way at a time. */
  late: number;
}

export interface Move {
  label: string;
  to: World;
}

export const by = (actor: string, workflowId = 'caller'): Asked => ({
  ...{ actor, reason: 'because', workflowId },
  ...{ key: 'key', hash: 'hash' },
});
const runOf = (version: number): string => `rollout-${String(version)}`;
const name = (version: number): string => `v${String(version)}`;

type Labelled = [string, Command];

/** Everything that may happen next. */
export function* moves(world: World, alphabet: Alphabet, parts: Parts): Generator<Move> {
  const { intent } = world.state;
  const commands = [
    ...(intent === null || !parts.locks ? inTurn(world.state, alphabet) : []),
    ...(intent === null || intent.soft ? urgent(world.state, alphabet) : []),
    ...lanes(world.state, alphabet),
  ];
  for (const [label, command] of commands) {
    const to = commanded(world, command, { parts, at: AT });
    if (to !== null && to.late.length <= alphabet.late) yield { label, to };
  }
  yield* writes(world, alphabet, parts);
  if (alphabet.hosts) yield* hostMoves(world, parts);
  yield* instants(world, alphabet);
}

/** Commands that wait for the lock. */
function inTurn(state: TagState, alphabet: Alphabet): Labelled[] {
  return [
    ...alphabet.versions.flatMap((version) => begins(state, version, alphabet)),
    ...steps(state, alphabet),
    ...(state.serving.inSync
      ? []
      : [['the route is repaired', { type: 'repair', reason: 'unknown' }] satisfies Labelled]),
    ...(alphabet.quarantine ? alphabet.versions.flatMap((v) => marks(state, v)) : []),
    ...(alphabet.approval ? decisions(state) : []),
    ...(alphabet.shadow ? mirrors(state, alphabet) : []),
    ...(alphabet.freeze ? freezes() : []),
  ];
}

function begins(state: TagState, version: number, { queue }: Alphabet): Labelled[] {
  if (state.lease && !queue) return [];
  const command = {
    type: 'beginRollout',
    asked: by('ada', runOf(version)),
    model: model(version),
    warrant: { kind: 'gate', registryRunId: 'run' },
  } satisfies Command;
  const waits = state.queue?.workflowId === runOf(version) ? state.queue.number : null;
  return [
    [`${name(version)} begins`, command],
    ...(waits === null || state.lease
      ? []
      : [[`${name(version)} takes its turn`, { ...command, ticket: waits }] satisfies Labelled]),
  ];
}

/** Of the lease in force and of one that has ended, whose run does not know yet. */
function steps(state: TagState, { canary }: Alphabet): Labelled[] {
  const stale: Labelled[] = [
    [ENDED_LEASE, { type: 'commitRollout', asked: by('ada'), lease: 'gone', step: 1 }],
  ];
  if (!state.lease) return stale;
  const { id: lease, version, workflowId } = state.lease;
  const step = { asked: by('ada', workflowId), lease, step: 1 };
  const shift: Labelled[] = [
    [`${name(version)} takes half`, { type: 'shiftTraffic', ...step, weightPercent: 50 }],
  ];
  return [
    ...stale,
    ...(canary ? shift : []),
    [`${name(version)} commits`, { type: 'commitRollout', ...step }],
    [`${name(version)} gives up`, { type: 'abortRollout', ...step }],
    [`the lease of ${name(version)} runs out`, { type: 'abortRollout', by: 'tag', ...step }],
  ];
}

const marks = (state: TagState, version: number): Labelled[] => [
  String(version) in state.quarantined
    ? [`${name(version)} is released`, { type: 'release', asked: by('eve'), version }]
    : [`${name(version)} is quarantined`, { type: 'quarantine', asked: by('eve'), version }],
];

function decisions(state: TagState): Labelled[] {
  const waiting = approvalView(state);
  if (!waiting) return [];
  const { subject } = waiting;
  return [
    ...['ada', 'bob', 'cem'].map((who): Labelled => [
      `${who} approves`,
      { type: 'approve', asked: by(who), subject },
    ]),
    ['bob rejects', { type: 'reject', asked: by('bob'), subject }],
  ];
}

function mirrors({ shadow }: TagState, { versions }: Alphabet): Labelled[] {
  if (shadow) {
    const { id, version } = shadow;
    return [
      [`the shadow of ${name(version)} ends`, { type: 'endShadow', asked: by('ada'), shadow: id }],
      [`the end of the shadow of ${name(version)} moves`, mirroring(version)],
    ];
  }
  return versions.map((version): Labelled => [
    `a shadow of ${name(version)} begins`,
    mirroring(version),
  ]);
}

const mirroring = (version: number): Command => ({
  type: 'beginShadow',
  asked: by('ada', `shadow-${String(version)}`),
  model: model(version),
  samplingPercent: 10,
  until: LATER,
});

const freezes = (): Labelled[] => [
  ['the tag is frozen', { type: 'freeze', asked: by('ops'), until: LATER }],
  ['the platform is frozen', { type: 'freeze', asked: by('ops'), scope: 'platform' }],
];

/**
 * Commands that end a write under way. One that came with the model to leave may have waited behind another for any time, so
 * every version is named; one that names none is resolved when it arrives.
 */
function urgent(state: TagState, { versions, anyTarget, approval }: Alphabet): Labelled[] {
  const asked = by('ops');
  return [
    ['a rollback', { type: 'rollback', asked }],
    ...versions.map((from): Labelled => [
      `a rollback from ${name(from)}`,
      { type: 'rollback', asked, from },
    ]),
    ['a demotion', { type: 'demote', asked }],
    ...(anyTarget ? targets(state) : []),
    ...(approval ? withdrawals(state) : []),
  ];
}

const targets = (state: TagState): Labelled[] => [
  ['a demotion to nothing', { type: 'demote', asked: by('ops'), to: 'none' }],
  ...(state.live === null ? [] : state.stack).map((to): Labelled => [
    `a rollback of what is live to ${name(to)}`,
    { type: 'rollback', asked: by('ops'), from: state.live ?? 0, to },
  ]),
];

function withdrawals(state: TagState): Labelled[] {
  const subject = approvalView(state)?.subject;
  const live = state.liveApproved && {
    ...{ rollout: state.liveApproved.rollout, version: state.live ?? 0 },
    ...{ digest: '', from: null, liveSeq: null },
  };
  return [subject, live].flatMap((of): Labelled[] =>
    of
      ? [[`bob takes back ${of.rollout}`, { type: 'withdraw', asked: by('bob'), subject: of }]]
      : [],
  );
}

/** What the tag's workflow does by itself and without the lock. */
const lanes = (state: TagState, { freeze }: Alphabet): Labelled[] =>
  !freeze
    ? []
    : [
        ...(state.frozen
          ? [['the tag thaws', { type: 'unfreeze', asked: by('ops') }] satisfies Labelled]
          : []),
        ...(state.platformFrozen
          ? [
              [
                'the platform thaws',
                { type: 'unfreeze', asked: by('ops'), scope: 'platform' },
              ] satisfies Labelled,
            ]
          : []),
      ];

/** The write under way: it arrives, it is confirmed, nobody hears of it again; and those that were given up arrive. */
function* writes(world: World, { late }: Alphabet, parts: Parts): Generator<Move> {
  const { state, store } = world;
  const what = (fence: number): string => `the write of fence ${String(fence)}`;
  if (state.intent) {
    const write = writeOf(state, state.intent);
    const to = arrived(world, write, parts);
    if (to !== world) yield { label: `${what(write.fence)} arrives`, to };
    const confirmed =
      store.fence === write.fence ? answered(world, store, { parts, at: AT }) : null;
    if (confirmed) yield { label: `${what(write.fence)} is confirmed`, to: confirmed };
    const failed = answered(world, null, { parts, at: AT });
    if (failed && failed.late.length <= late)
      yield { label: `${what(write.fence)} is given up`, to: failed };
  }
  for (const write of world.late)
    yield { label: `${what(write.fence)} arrives late`, to: arrived(world, write, parts) };
  if (state.queue && !state.lease)
    yield {
      label: `${name(state.queue.command.model.version)} does not take its turn`,
      to: { ...world, state: { ...state, queue: null } },
    };
}

function* hostMoves(world: World, { retirable }: Parts): Generator<Move> {
  const { state } = world;
  for (const host of retirable(state, AT)) {
    const marked = markHost(state, host, 'retiring');
    const version = name(state.hosts[host]?.version ?? 0);
    if (!state.hosts[host]?.retiring)
      yield { label: `the host of ${version} retires`, to: { ...world, state: marked } };
  }
  for (const { spec, version, retiring } of Object.values(state.hosts))
    if (retiring)
      yield {
        label: `the host of ${name(version)} is gone`,
        to: { ...world, state: markHost(state, spec.name, 'gone') },
      };
}

/** Instants pass: what the state keeps of them is set to one that is over. */
function* instants(world: World, { hosts, freeze, approval }: Alphabet): Generator<Move> {
  const { state } = world;
  if (hosts) yield* warmTimes(world);
  if (freeze && state.frozen && state.frozen.until !== OVER)
    yield {
      label: "the tag's freeze is over",
      to: { ...world, state: { ...state, frozen: { ...state.frozen, until: OVER } } },
    };
  if (approval && state.lease?.approval && state.lease.approval.expiresAt !== OVER) {
    const lease = { ...state.lease, approval: { ...state.lease.approval, expiresAt: OVER } };
    yield { label: 'the approval runs out', to: { ...world, state: { ...state, lease } } };
  }
}

/** A warm time ends with the one of the live model's move at the latest, and the rollback target's not before. */
function* warmTimes(world: World): Generator<Move> {
  const { state } = world;
  const target = rollbackTarget(state);
  const warm = Object.values(state.hosts).filter(({ warmUntil }) => (warmUntil ?? OVER) > AT);
  for (const { spec, version } of warm)
    if (version !== target)
      yield {
        label: `the warm time of ${name(version)} is over`,
        to: { ...world, state: cooled(state, [spec.name]) },
      };
  if (state.liveSince !== null && state.liveSince > EPOCH)
    yield {
      label: 'every warm time is over',
      to: {
        ...world,
        state: {
          ...cooled(
            state,
            warm.map(({ spec }) => spec.name),
          ),
          liveSince: EPOCH,
        },
      },
    };
}

export const EPOCH = '2026-01-01T00:00:00.000Z';

const cooled = (state: TagState, names: readonly string[]): TagState => ({
  ...state,
  hosts: Object.fromEntries(
    Object.entries(state.hosts).map(([host, held]) => [
      host,
      names.includes(host) ? { ...held, warmUntil: OVER } : held,
    ]),
  ),
});
