import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../../temporal/contracts/reconcile.js';
import { digestOf } from '../../../../temporal/digest.js';
import { hostName, modelId } from '../../../../temporal/ids.js';
import { differences, stampOf } from '../../../../workflows/policy/tag/findings.js';
import { isKept, missedHost } from '../../../../workflows/policy/tag/hosts.js';
import { projectionOf } from '../../../../workflows/policy/tag/projection.js';
import { routeOf } from '../../../../workflows/policy/tag/route.js';
import { emptyTag, type TagState } from '../../../../workflows/policy/tag/state.js';
import { asked, Driven, model } from './tags.js';

const TAG = 'flight-delay';
const host = (version: number): string => hostName(modelId(TAG, version), model(version).digest);

/** Version 2 live after 1, all of it told to MLflow, both hosts ready. */
function atRest(change: (tag: Driven) => void = () => undefined): TagState {
  const tag = new Driven();
  tag.promote(1);
  tag.promote(2);
  change(tag);
  return told(tag.state);
}

function told(state: TagState): TagState {
  const ready = Object.entries(state.hosts).map(([name, of]) => [name, { ...of, ready: true }]);
  const hosts = Object.fromEntries(ready) as TagState['hosts'];
  return { ...state, hosts, projected: digestOf(projectionOf(state)) };
}

/** What the stores hold when everything is as the state means it. */
function asMeant(state: TagState): Observation {
  const { aliases } = projectionOf(state);
  const route = { tag: TAG, fence: state.serving.fence, route: routeOf(state) };
  return {
    route: { value: route },
    registry: { value: { aliases, statuses: statusesOf(state) } },
    hosts: { value: Object.keys(state.hosts) },
    holderClosed: false,
  };
}

/** Version 9 is registered and means nothing to the tag. */
const statusesOf = (state: TagState): Record<string, string> => ({
  ...projectionOf(state).statuses,
  '9': '',
});

const shown = (
  state: TagState,
  aliases: object,
  statuses: Record<string, string> = {},
): Observation => ({
  ...asMeant(state),
  registry: {
    value: {
      aliases: { ...projectionOf(state).aliases, ...aliases },
      statuses: { ...statusesOf(state), ...statuses },
    },
  },
});

const kinds = (state: TagState, seen: Observation, adopt = false): string[] =>
  differences(state, seen, adopt).map(({ kind }) => kind);

describe('no difference is found (I4)', () => {
  it.each<[string, TagState]>([
    ['at rest', atRest()],
    ['with a candidate that has its lease', atRest((tag) => tag.begin(3))],
    [
      'in the middle of a canary',
      atRest((tag) => {
        tag.begin(3);
        tag.do({
          type: 'shiftTraffic',
          asked: asked('rollout-3'),
          lease: tag.lease(),
          step: 1,
          weightPercent: 10,
        });
        tag.settle();
      }),
    ],
    ['after a rollback', atRest((tag) => tag.rollback())],
    ['with nothing promoted yet', told(new Driven().state)],
  ])('%s', (_when, state) => {
    expect(differences(state, asMeant(state), false)).toEqual([]);
    expect(differences(state, asMeant(state), true)).toEqual([]);
  });

  it('in a state to which nothing has happened, whatever the stores hold', () => {
    expect(differences(emptyTag(TAG), asMeant(atRest()), false)).toEqual([]);
  });

  it('in the route while it is being written, or written again', () => {
    const state = atRest();
    const seen = {
      ...asMeant(state),
      route: { value: { tag: TAG, fence: 1, route: { live: null } } },
    };
    const writing = atRest((tag) => {
      tag.do({ type: 'rollback', asked: asked() });
    });
    const unknown = { ...state, serving: { ...state.serving, inSync: false } };
    for (const moving of [writing, unknown])
      expect(kinds(moving, { ...asMeant(moving), route: seen.route })).toEqual([]);
    expect(kinds(state, seen)).toEqual(['route']);
  });

  it('in MLflow while it has not been told yet', () => {
    const state = { ...atRest(), projected: null };
    expect(kinds(state, shown(state, { champion: 1 }))).toEqual([]);
  });
});

describe('the route', () => {
  it('differs by its fence alone, and by its targets', () => {
    const state = atRest();
    const { fence } = state.serving;
    const live = { modelId: modelId(TAG, 1), host: host(1) };
    const other = { ...live, weightPercent: 5, samplingPercent: 5, until: '2026-01-01T00:00:00Z' };
    const { weightPercent, samplingPercent, until } = other;
    const seen = (at: number, route: unknown): Observation =>
      ({ ...asMeant(state), route: { value: { tag: TAG, fence: at, route } } }) as Observation;
    expect(differences(state, seen(fence + 3, routeOf(state)), false)).toMatchObject([
      { kind: 'route', fence: fence + 3 },
    ]);
    const route = {
      live,
      canary: { ...live, weightPercent },
      mirror: { ...live, samplingPercent, until },
    };
    expect(differences(state, seen(fence, route), false)).toEqual([
      {
        kind: 'route',
        fence,
        what: `the route in force is ${TAG}/1, 5 % to ${TAG}/1, a mirror to ${TAG}/1 under fence ${String(fence)}, expected ${TAG}/2 under fence ${String(fence)}`,
      },
    ]);
    expect(differences(state, seen(fence, { live: null }), false)[0]?.what).toMatch(
      /^the route in force is nothing under fence/,
    );
  });
});

describe('MLflow', () => {
  it('F11 differs by each alias that was moved, set or deleted', () => {
    const state = atRest();
    const moved = shown(state, { champion: 1, previous: null, challenger: 9 });
    expect(differences(state, moved, false)).toEqual([
      { kind: 'registry', what: 'the alias champion is 1 in MLflow, expected 2' },
      { kind: 'registry', what: 'the alias previous is not there in MLflow, expected 1' },
      { kind: 'registry', what: 'the alias challenger is 9 in MLflow, expected not there' },
    ]);
  });

  it('differs by a status, but not by a version that is registered no more', () => {
    const state = atRest();
    expect(differences(state, shown(state, {}, { '2': 'retired' }), false)).toEqual([
      {
        kind: 'registry',
        what: `${TAG}/2 has the status 'retired' in MLflow, expected 'champion'`,
      },
    ]);
    const { aliases } = projectionOf(state);
    const without = { ...asMeant(state), registry: { value: { aliases, statuses: {} } } };
    expect(kinds(state, without)).toEqual([]);
  });

  it('F11 a champion that was moved to a registered version is adopted where that is asked for', () => {
    const state = atRest();
    const seen = shown(state, { champion: 9 });
    expect(differences(state, seen, true)).toEqual([
      {
        kind: 'adopted',
        version: 9,
        what: `the champion alias was moved in MLflow to ${TAG}/9 and is adopted`,
      },
    ]);
    expect(kinds(state, seen, false)).toEqual(['registry']);
    expect(kinds(state, shown(state, { previous: 9 }), true)).toEqual(['registry']);
  });

  it.each<[string, TagState, number | null]>([
    ['was deleted', atRest(), null],
    ['names a version that is not registered', atRest(), 77],
    [
      'names a quarantined version',
      atRest((tag) => {
        tag.do({ type: 'quarantine', asked: asked(), version: 9 });
      }),
      9,
    ],
    ['meets a rollout', atRest((tag) => tag.begin(3)), 9],
    [
      'meets a candidate that waits',
      { ...atRest(), queue: { number: 1, workflowId: 'w', command: {} as never } },
      9,
    ],
    ['meets a freeze', { ...atRest(), frozen: { by: 'ada', reason: 'x', until: null } }, 9],
    [
      'meets a freeze of the platform',
      { ...atRest(), platformFrozen: { by: 'ada', reason: 'x', until: null } },
      9,
    ],
    ['meets a tag without a definition', { ...atRest(), definition: null }, 9],
    [
      'meets a retired tag',
      { ...atRest(), retired: { by: 'ada', reason: 'x', at: '2026-01-01T00:00:00Z' } },
      9,
    ],
  ])('F11 a champion alias that %s is put back', (_why, state, champion) => {
    const settled = told(state);
    expect(kinds(settled, shown(settled, { champion }), true)).toContain('registry');
    expect(kinds(settled, shown(settled, { champion }), true)).not.toContain('adopted');
  });
});

describe('hosts', () => {
  it('I10 that the state does not list are orphans, and those it keeps are missed', () => {
    const state = atRest();
    const seen = { ...asMeant(state), hosts: { value: ['stray', host(2)] } };
    expect(differences(state, seen, false)).toEqual([
      { kind: 'missing-host', name: host(1), what: `host ${host(1)} of ${TAG}/1 is gone` },
      {
        kind: 'orphan-host',
        name: 'stray',
        what: `host stray is kept for ${TAG}, which has no use for it`,
      },
    ]);
  });

  it('are missed only while they are wanted and were seen ready, and a run looks after its own', () => {
    const state = atRest((tag) => tag.begin(3));
    const kept = (version: number, change: object = {}): boolean => {
      const of = state.hosts[host(version)];
      if (!of) throw new Error('expected a host');
      return isKept(state, { ...of, ...change });
    };
    expect([kept(1), kept(2), kept(3)]).toEqual([true, true, false]);
    expect(kept(1, { ready: false })).toBe(false);
    expect(kept(1, { retiring: true })).toBe(false);
    expect(kept(1, { warmUntil: null })).toBe(false);
    expect(kept(2, { warmUntil: null })).toBe(true);
  });

  it('that are missed are warmed again', () => {
    const state = atRest();
    expect(missedHost(state, host(1)).hosts[host(1)]?.ready).toBe(false);
    expect(missedHost(state, 'unknown')).toBe(state);
  });
});

describe('a lease', () => {
  it('F33 whose run is closed is dead', () => {
    const state = atRest((tag) => tag.begin(3));
    expect(differences(state, { ...asMeant(state), holderClosed: true }, false)).toEqual([
      {
        kind: 'dead-lease',
        lease: state.lease?.id,
        what: `rollout-3 is closed and still holds ${TAG} for version 3`,
      },
    ]);
  });

  it('that was given back meanwhile is none', () => {
    const state = atRest();
    expect(kinds(state, { ...asMeant(state), holderClosed: true })).toEqual([]);
  });
});

it('a store that could not be asked is told, and the others are compared', () => {
  const state = atRest();
  const seen: Observation = {
    route: { unavailable: 'no gateway' },
    registry: { unavailable: 'no MLflow' },
    hosts: { unavailable: 'no hosts' },
    holderClosed: false,
  };
  expect(differences(state, seen, false)).toEqual([
    { kind: 'unavailable', what: 'the route store could not be asked: no gateway' },
    { kind: 'unavailable', what: 'MLflow could not be asked: no MLflow' },
    { kind: 'unavailable', what: 'the hosts could not be asked: no hosts' },
  ]);
  expect(kinds(state, { ...seen, hosts: { value: [] } })).toContain('missing-host');
});

it('the stamp changes with all that is compared, and with nothing else', () => {
  const state = atRest();
  const changed: Partial<TagState>[] = [
    { seq: 99 },
    { fence: 99 },
    { serving: { inSync: false, fence: 1 } },
    { hosts: {} },
    { projected: null },
    { live: 1 },
    { lease: atRest((tag) => tag.begin(3)).lease },
    { intent: { fence: 99 } as TagState['intent'] },
  ];
  const stamps = changed.map((change) => stampOf({ ...state, ...change }));
  expect(new Set([stampOf(state), ...stamps]).size).toBe(changed.length + 1);
  expect(stampOf({ ...state, lastRun: null, done: [], journaled: 0 })).toBe(stampOf(state));
});
