import { describe, expect, it } from 'vitest';
import { firstBroken } from '../../../../workflows/policy/ledger.js';
import { answered, remember } from '../../../../workflows/policy/tag/done.js';
import { judgingDigest } from '../../../../workflows/policy/tag/define.js';
import {
  nextWarmEnd,
  retirable,
  toWarm,
  markHost,
} from '../../../../workflows/policy/tag/hosts.js';
import { projectionOf } from '../../../../workflows/policy/tag/projection.js';
import { rollbackFrom } from '../../../../workflows/policy/tag/rollback.js';
import { LEASE_MS } from '../../../../workflows/policy/tag/lease.js';
import { objection } from '../../../../workflows/policy/tag/rollout.js';
import { hostOf, hostSpec, routeOf, withHost } from '../../../../workflows/policy/tag/route.js';
import { emptyTag, TAIL } from '../../../../workflows/policy/tag/state.js';
import { rollbackTarget } from '../../../../workflows/policy/tag/target.js';
import { viewOf } from '../../../../workflows/policy/tag/view.js';
import { asked, beginning, definition, Driven, model } from './tags.js';

const AT = '2026-02-01T00:00:00.000Z';
const id = (version: number): string => `flight-delay/${String(version)}`;

describe('define', () => {
  it('changes nothing and leaves no entry when the definition is the one in force', () => {
    const tag = new Driven();
    tag.define(definition);
    expect(tag.actions()).toEqual(['define']);
  });
  it('says that it changed', () => {
    const tag = new Driven();
    const command = {
      type: 'define',
      asked: asked(),
      definition: { ...definition, description: 'new' },
      digest: `sha256:${'d'.repeat(64)}`,
      codeUri: 'u',
      codeRevision: 'r',
    } as const;
    expect(tag.do(command)).toEqual({
      digest: command.digest,
      changed: true,
    });
  });
});

describe('a rollout', () => {
  it('R10 moves the pointer on commit, not before, with one entry each for its start and its end', () => {
    const tag = new Driven();
    tag.begin(1);
    expect(tag.state.live).toBeNull();
    tag.do({ type: 'commitRollout', asked: asked('rollout-1'), lease: tag.lease(), step: 1 });
    expect(tag.state.live).toBeNull();
    const entry = tag.settle();
    expect(entry).toMatchObject({
      action: 'promote',
      from: null,
      to: id(1),
      outcome: 'applied',
      fence: 1,
      digest: model(1).digest,
      evidence: ['gate run-1'],
    });
    expect(tag.state).toMatchObject({
      live: 1,
      lease: null,
      liveSeq: entry?.seq,
      serving: { inSync: true, fence: 1 },
    });
    expect(tag.actions()).toEqual(['define', 'rollout-start', 'promote']);
  });

  it('keeps the previous model warm for an hour unless the definition says otherwise', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    const host = tag.state.hosts[hostOf(tag.state, 1)];
    expect(Date.parse(host?.warmUntil ?? '') - Date.parse(tag.state.liveSince ?? '')).toBe(
      3_600_000,
    );
    expect(viewOf(tag.state, { pending: 0, parked: null, at: AT })).toMatchObject({
      live: id(2),
      previous: id(1),
      previousWarm: true,
    });
  });

  it.each([
    [{ keepPreviousWarm: '30m' }, 30],
    [{ watch: '24h' }, 1440],
    [{ watch: '5m' }, 60],
  ])('keeps the previous model warm as %o says: %i minutes', (rollout, minutes) => {
    const tag = new Driven({ rollout });
    tag.promote(1);
    tag.promote(2);
    const host = tag.state.hosts[hostOf(tag.state, 1)];
    expect(Date.parse(host?.warmUntil ?? '') - Date.parse(tag.state.liveSince ?? '')).toBe(
      minutes * 60_000,
    );
  });

  it('names an override instead of a gate when a person gave one', () => {
    const tag = new Driven();
    tag.begin(1, { warrant: { kind: 'override', why: 'the label was wrong' } });
    expect(tag.state.tail.at(-1)?.evidence).toEqual(['override: the label was wrong']);
  });

  it('answers its own run that asks again with the same lease', () => {
    const tag = new Driven();
    const first = tag.begin(1);
    expect(tag.begin(1)).toEqual(first);
    expect(tag.actions()).toEqual(['define', 'rollout-start']);
  });

  it('leaves the pointer when its write is not confirmed, and the route counts as unknown until it is written again', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    tag.do({ type: 'commitRollout', asked: asked('rollout-2'), lease: tag.lease(), step: 1 });
    tag.settle('failed');
    expect(tag.state).toMatchObject({ live: 1, serving: { inSync: false } });
    tag.do({ type: 'repair', reason: 'not confirmed' });
    expect(tag.state.intent?.route).toEqual(routeOf(tag.state));
    tag.settle();
    expect(tag.state.serving).toEqual({ inSync: true, fence: 3 });
    expect(tag.actions().slice(-2)).toEqual(['promote failed', 'repair']);
  });

  it('is aborted without a trace on the route, and its host is released', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    const host = hostOf(tag.state, 2);
    tag.do({ type: 'abortRollout', asked: asked('rollout-2'), lease: tag.lease(), step: 1 });
    expect(tag.state).toMatchObject({ live: 1, lease: null, intent: null });
    expect(retirable(tag.state, tag.at)).toContain(host);
    expect(tag.do({ type: 'abortRollout', asked: asked(), lease: 'lease-99', step: 1 })).toBeNull();
  });

  it('renews its lease', () => {
    const tag = new Driven();
    tag.begin(1);
    const { deadline } = tag.do<{ deadline: string }>({
      type: 'renewLease',
      asked: asked('rollout-1'),
      lease: tag.lease(),
      step: 1,
    });
    expect(Date.parse(deadline) - Date.parse(tag.at)).toBe(LEASE_MS);
    expect(tag.state.lease?.deadline).toBe(deadline);
  });

  it('refuses what a lease that is not held any more asks for', () => {
    const tag = new Driven();
    expect(
      tag.try({ type: 'commitRollout', asked: asked(), lease: 'lease-1', step: 1 }),
    ).toMatchObject({ type: 'LeaseLost', message: expect.stringContaining('nothing holds') });
    tag.begin(1);
    expect(
      tag.try({ type: 'renewLease', asked: asked(), lease: 'lease-9', step: 1 }),
    ).toMatchObject({ type: 'LeaseLost', message: expect.stringContaining('rollout-1') });
  });
});

describe('what stands against a rollout', () => {
  it('a tag without a definition', () => {
    expect(objection(emptyTag('x'), beginning(1), AT)).toMatchObject({ type: 'UnknownTag' });
  });
  it('another live model than the one it was judged against', () => {
    const tag = new Driven();
    tag.promote(1);
    expect(tag.try(beginning(2, { expectedLive: null }))).toMatchObject({
      type: 'LiveChanged',
      details: { expected: null, actual: id(1) },
    });
    expect(tag.try(beginning(2, { expectedLive: 1 }))).toBeNull();
    const empty = new Driven();
    expect(empty.try(beginning(2, { expectedLive: 1 }))).toMatchObject({
      details: { expected: id(1), actual: null },
    });
  });
  it('another rule than the one it was judged under', () => {
    const tag = new Driven();
    expect(
      tag.try(
        beginning(1, { judgedUnder: judgingDigest({ ...definition, rollout: { watch: '1h' } }) }),
      ),
    ).toMatchObject({ type: 'DefinitionChanged' });
    expect(
      tag.try(
        beginning(1, { judgedUnder: judgingDigest({ ...definition, description: 'other words' }) }),
      ),
    ).toBeNull();
  });
  it('being live already', () => {
    const tag = new Driven();
    tag.promote(1);
    expect(tag.try(beginning(1))).toMatchObject({ type: 'InvalidRequest' });
  });
  it('a quarantine, until it is released', () => {
    const tag = new Driven();
    tag.do({ type: 'quarantine', asked: asked(), version: 2 });
    expect(tag.try(beginning(2))).toMatchObject({
      type: 'Quarantined',
      details: { modelId: id(2) },
    });
    tag.do({ type: 'release', asked: asked(), version: 2 });
    expect(projectionOf(tag.state).statuses).toEqual({ '2': 'released' });
    expect(tag.try(beginning(2))).toBeNull();
    expect(tag.try({ type: 'release', asked: asked(), version: 2 })).toMatchObject({
      type: 'InvalidRequest',
    });
  });
  it('a freeze, also between its start and its commit', () => {
    const tag = new Driven();
    tag.begin(1);
    tag.state = { ...tag.state, frozen: { by: 'ada', reason: 'holidays', until: null } };
    expect(
      tag.try({ type: 'commitRollout', asked: asked(), lease: tag.lease(), step: 1 }),
    ).toMatchObject({ type: 'Frozen', details: { by: 'ada', until: null } });
    tag.state = { ...tag.state, lease: null };
    expect(tag.try(beginning(2))).toMatchObject({ type: 'Frozen' });
  });
  it.each([
    [1, 'Quarantined'],
    [2, 'LeaseLost'],
  ] as const)('a quarantine before its commit: by logic %i it is %s', (logic, type) => {
    const tag = new Driven();
    tag.state = { ...tag.state, logic };
    tag.begin(1);
    const step = { asked: asked('rollout-1'), lease: tag.lease(), step: 1 };
    tag.do({ type: 'quarantine', asked: asked(), version: 1 });
    expect(tag.try({ type: 'commitRollout', ...step })).toMatchObject({ type });
  });
  it('an incumbent that changed between its start and its commit', () => {
    const tag = new Driven();
    tag.begin(1);
    tag.state = { ...tag.state, live: 7, models: { ...tag.state.models, '7': model(7) } };
    expect(
      tag.try({ type: 'commitRollout', asked: asked(), lease: tag.lease(), step: 1 }),
    ).toMatchObject({ type: 'LiveChanged' });
  });
});

describe('U8 a candidate that arrives while another is in flight', () => {
  it("is refused by whenBusy 'reject'", () => {
    const tag = new Driven({ whenBusy: 'reject' });
    tag.begin(1);
    expect(tag.try(beginning(2))).toMatchObject({
      type: 'Busy',
      details: { workflowId: 'rollout-1' },
    });
    expect(objection(tag.state, beginning(1), AT)).toBeNull();
  });
  it('waits by default, and the latest takes the place of the one before', () => {
    const tag = new Driven();
    tag.begin(1);
    expect(tag.begin(2)).toEqual({ state: 'queued', ticket: 1, holder: 'rollout-1' });
    expect(tag.begin(2)).toEqual({ state: 'queued', ticket: 1, holder: 'rollout-1' });
    expect(tag.begin(3)).toMatchObject({ state: 'queued', ticket: 2 });
    tag.do({ type: 'abortRollout', asked: asked(), lease: tag.lease(), step: 1 });
    expect(tag.try(beginning(2, { ticket: 1 }))).toMatchObject({ type: 'Superseded' });
    expect(tag.begin(3, { ticket: 2 })).toMatchObject({ state: 'granted' });
    expect(tag.state.queue).toBeNull();
  });
  it('keeps its ticket when the queue was emptied and nobody came after it', () => {
    const tag = new Driven();
    tag.begin(1);
    tag.begin(2);
    tag.state = { ...tag.state, queue: null, lease: null };
    expect(tag.begin(2, { ticket: 1 })).toMatchObject({ state: 'granted' });
  });
  it("takes the place at once by whenBusy 'supersede', but not while a commit is being written", () => {
    const tag = new Driven({ whenBusy: 'supersede' });
    tag.begin(1);
    const displaced = tag.lease();
    expect(tag.begin(2)).toMatchObject({ state: 'granted' });
    expect(tag.state.lease?.version).toBe(2);
    expect(
      tag.try({ type: 'commitRollout', asked: asked(), lease: displaced, step: 1 }),
    ).toMatchObject({ type: 'Superseded' });
    tag.do({ type: 'commitRollout', asked: asked(), lease: tag.lease(), step: 1 });
    expect(tag.begin(3)).toMatchObject({ state: 'queued' });
  });
});

describe('rollback', () => {
  it('R10 goes back to the model before, quarantines the one it leaves, and warms the next way back', () => {
    const tag = new Driven();
    [1, 2, 3].forEach((version) => tag.promote(version));
    expect(tag.rollback()).toMatchObject({
      action: 'rollback',
      from: id(3),
      to: id(2),
      outcome: 'applied',
    });
    expect(tag.state).toMatchObject({
      live: 2,
      quarantined: { '3': { by: 'ada', reason: 'a reason' } },
    });
    expect(rollbackTarget(tag.state)).toBe(1);
    expect(tag.state.hosts[hostOf(tag.state, 1)]?.warmUntil).not.toBeNull();
    expect(tag.rollback()).toMatchObject({ to: id(1) });
    expect(tag.try({ type: 'rollback', asked: asked() })).toMatchObject({
      type: 'NoRollbackTarget',
      message: expect.stringContaining('flight-delay/3 (quarantined)'),
    });
  });

  it('F25 is refused where nothing was live, and where nothing was live before', () => {
    const tag = new Driven();
    expect(tag.try({ type: 'rollback', asked: asked() })).toMatchObject({
      type: 'NoRollbackTarget',
    });
    tag.promote(1);
    expect(tag.try({ type: 'rollback', asked: asked() })).toMatchObject({
      type: 'NoRollbackTarget',
      message: expect.stringContaining('none'),
    });
    expect(tag.state.quarantined).toEqual({});
  });

  it('F25 aborts and quarantines the candidate of a running rollout, and the live model stays', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    expect(tag.rollback()).toMatchObject({
      action: 'abort',
      from: id(2),
      to: id(1),
      outcome: 'applied',
    });
    expect(tag.state).toMatchObject({ live: 1, lease: null, quarantined: { '2': {} } });
    expect(routeOf(tag.state).live?.modelId).toBe(id(1));
  });

  it('aborts the candidate of a tag that has nothing live yet', () => {
    const tag = new Driven();
    tag.begin(1);
    expect(tag.rollback({ from: 1 })).toMatchObject({ action: 'abort', to: null });
    expect(tag.state.live).toBeNull();
  });

  it('I7 wins against a commit that is being written: that one is settled as superseded, and the higher fence is its own', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    tag.do({ type: 'commitRollout', asked: asked(), lease: tag.lease(), step: 1 });
    const late = tag.state.intent?.fence ?? 0;
    tag.do({ type: 'rollback', asked: asked(), from: 2 });
    expect(tag.state.intent?.fence).toBe(late + 1);
    expect(tag.do({ type: 'settle', fence: late, outcome: 'applied' })).toBeNull();
    tag.settle();
    expect(tag.actions().slice(-2)).toEqual(['promote superseded', 'abort']);
    expect(tag.state.live).toBe(1);
  });

  it('that leaves the live model ends a rollout, whose incumbent is gone, with an entry of its own', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    tag.begin(3);
    tag.rollback({ from: 2 });
    expect(tag.actions().slice(-2)).toEqual(['abort', 'rollback']);
    expect(tag.state).toMatchObject({ live: 1, lease: null });
  });

  it('quarantines a version that has not begun, so that its rollout is refused when it comes', () => {
    const tag = new Driven();
    tag.promote(1);
    expect(tag.rollback({ from: 2 })).toMatchObject({
      action: 'quarantine',
      to: id(2),
      fence: null,
    });
    expect(tag.try(beginning(2))).toMatchObject({ type: 'Quarantined' });
  });

  it('F25 by two people at once goes back once and gives both the same entry', () => {
    const tag = new Driven();
    [1, 2, 3].forEach((version) => tag.promote(version));
    const from = rollbackFrom(tag.state) ?? 0;
    const first = tag.rollback({ from });
    expect(tag.rollback({ from })).toEqual(first);
    expect(tag.state.live).toBe(2);
    const aborted = new Driven();
    aborted.promote(1);
    aborted.begin(2);
    const abort = aborted.rollback({ from: 2 });
    expect(aborted.rollback({ from: 2 })).toEqual(abort);
  });

  it('F25 of a candidate by two people at once is about the candidate for the second one, too', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    tag.do({ type: 'rollback', asked: asked() });
    expect(tag.state.lease).toBeNull();
    expect(rollbackFrom(tag.state)).toBe(2);
    tag.settle();
    expect(rollbackFrom(tag.state)).toBe(1);
  });

  it('leaves a version that was quarantined by hand quarantined, and adds nothing', () => {
    const tag = new Driven();
    tag.promote(1);
    const held = tag.do({ type: 'quarantine', asked: asked(), version: 5 });
    expect(tag.rollback({ from: 5 })).toEqual(held);
    tag.state = { ...tag.state, tail: [] };
    expect(tag.rollback({ from: 5 })).toMatchObject({ action: 'quarantine' });
  });

  it('U1 goes to a named version that was live, or to what was live at an instant', () => {
    const tag = new Driven();
    tag.promote(1);
    const then = tag.at;
    [2, 3].forEach((version) => tag.promote(version));
    expect(tag.rollback({ to: { at: then } })).toMatchObject({ to: id(1) });
    [4, 5].forEach((version) => tag.promote(version));
    expect(tag.rollback({ to: 2 })).toMatchObject({ to: id(2) });
    expect(tag.rollback({ to: 'previous' })).toMatchObject({ from: id(2), to: id(4) });
  });

  it('refuses a target that is the model to leave, was never live, is quarantined, or was live before the ledger', () => {
    const tag = new Driven();
    [1, 2, 3].forEach((version) => tag.promote(version));
    tag.do({ type: 'quarantine', asked: asked(), version: 1 });
    const refusal = (to: 'previous' | number | { at: string }) =>
      tag.try({ type: 'rollback', asked: asked(), to })?.type;
    expect(refusal(3)).toBe('NoRollbackTarget');
    expect(refusal(9)).toBe('NoRollbackTarget');
    expect(refusal(1)).toBe('Quarantined');
    expect(refusal({ at: '2020-01-01T00:00:00.000Z' })).toBe('NoRollbackTarget');
  });
});

describe('demote', () => {
  it('R10 G4 takes the live model out of service and quarantines nothing', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    tag.do({ type: 'demote', asked: asked() });
    expect(tag.settle()).toMatchObject({ action: 'demote', from: id(2), to: id(1) });
    expect(tag.state).toMatchObject({ live: 1, quarantined: {} });
  });
  it("sends traffic nowhere by 'none', and what was live stays the way back", () => {
    const tag = new Driven();
    tag.promote(1);
    tag.do({ type: 'demote', asked: asked(), to: 'none' });
    tag.settle();
    expect(tag.state).toMatchObject({ live: null, liveSince: null, stack: [1] });
    expect(routeOf(tag.state)).toEqual({ live: null });
    expect(rollbackTarget(tag.state)).toBe(1);
  });
  it('is refused where nothing is live, or nothing was before', () => {
    const tag = new Driven();
    expect(tag.try({ type: 'demote', asked: asked() })).toMatchObject({ type: 'NoRollbackTarget' });
    tag.promote(1);
    expect(tag.try({ type: 'demote', asked: asked(), to: 'previous' })).toMatchObject({
      type: 'NoRollbackTarget',
    });
  });
});

describe('hosts', () => {
  it('are retired only when no route, intent, lease or warm time names them', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    const first = hostOf(tag.state, 1);
    expect(retirable(tag.state, tag.at)).toEqual([]);
    const end = nextWarmEnd(tag.state, tag.at);
    expect(end).toBe(tag.state.hosts[first]?.warmUntil);
    expect(retirable(tag.state, end ?? '')).toEqual([first]);
    expect(nextWarmEnd(tag.state, end ?? '')).toBeNull();
  });
  it('I10 that a run made again after they were retired are taken note of, and go', () => {
    const tag = new Driven();
    tag.promote(1);
    const grant = tag.begin(2);
    if (grant.state !== 'granted') throw new Error('expected a lease');
    const { host } = grant;
    tag.rollback({ from: 2 });
    expect(retirable(tag.state, tag.at)).toEqual([host.name]);
    const retiring = markHost(tag.state, host.name, 'retiring');
    tag.state = retiring;
    tag.do({ type: 'releaseHost', asked: asked(), host });
    expect(markHost(tag.state, host.name, 'gone').hosts[host.name]).toBeDefined();
    tag.state = markHost(retiring, host.name, 'gone');
    expect(retirable(tag.state, tag.at)).toEqual([]);
    tag.do({ type: 'releaseHost', asked: asked(), host });
    expect(retirable(tag.state, tag.at)).toEqual([host.name]);
    expect(toWarm(tag.state)).toEqual([]);
  });
  it('that a run gives back stay while they are live or kept warm', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    for (const { spec } of Object.values(tag.state.hosts))
      tag.do({ type: 'releaseHost', asked: asked(), host: spec });
    expect(retirable(tag.state, tag.at)).toEqual([]);
    tag.begin(1);
    tag.do({ type: 'abortRollout', asked: asked(), lease: tag.lease(), step: 2 });
    expect(retirable(tag.state, tag.at)).toEqual([]);
  });
  it('that an intent names are not retired while it is being written', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    const end = nextWarmEnd(tag.state, tag.at) ?? '';
    expect(retirable(tag.state, end)).toEqual([hostOf(tag.state, 1)]);
    tag.do({ type: 'demote', asked: asked() });
    expect(retirable(tag.state, end)).toEqual([]);
  });
  it('that are retiring are wanted again by a rollback, and go only while nothing wants them', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    const first = hostOf(tag.state, 1);
    tag.state = markHost(tag.state, first, 'retiring');
    expect(viewOf(tag.state, { pending: 0, parked: null, at: AT }).previousWarm).toBe(false);
    tag.do({ type: 'rollback', asked: asked() });
    expect(markHost(tag.state, first, 'gone').hosts[first]).toMatchObject({
      retiring: false,
      ready: false,
    });
    tag.settle();
    expect(tag.state.hosts[first]).toMatchObject({ ready: true });
    expect(
      markHost(markHost(tag.state, first, 'retiring'), first, 'gone').hosts[first],
    ).toBeUndefined();
    expect(markHost(tag.state, 'unknown', 'ready')).toBe(tag.state);
  });
  it("are warmed by the tag when they are the way back, and by the run when they are a candidate's", () => {
    const tag = new Driven();
    [1, 2, 3].forEach((version) => tag.promote(version));
    tag.begin(4);
    expect(toWarm(tag.state)).toEqual([]);
    const first = hostOf(tag.state, 1);
    tag.state = markHost(tag.state, first, 'ready');
    tag.state = {
      ...tag.state,
      hosts: Object.fromEntries(Object.entries(tag.state.hosts).filter(([name]) => name !== first)),
    };
    tag.rollback({ from: 3 });
    expect(toWarm(tag.state)).toEqual([first]);
    expect(markHost(tag.state, first, 'ready').hosts[first]?.ready).toBe(true);
  });
  it('keep the later of two warm times', () => {
    const tag = new Driven();
    tag.promote(1);
    const name = hostOf(tag.state, 1);
    const warm = (until: string | null, then: string | null) =>
      withHost(withHost(tag.state, 1, until), 1, then).hosts[name]?.warmUntil;
    expect(warm('2026-01-02T00:00:00.000Z', '2026-01-01T00:00:00.000Z')).toBe(
      '2026-01-02T00:00:00.000Z',
    );
    expect(warm('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z')).toBe(
      '2026-01-02T00:00:00.000Z',
    );
    expect(warm('2026-01-01T00:00:00.000Z', null)).toBe('2026-01-01T00:00:00.000Z');
    expect(withHost(tag.state, 99, null)).toBe(tag.state);
  });
  it('carry the target the version was registered for, else the definition’s', () => {
    const tag = new Driven({ serving: { kind: 'dedicated', target: 'gpu' } });
    tag.begin(1);
    expect(tag.state.hosts[hostOf(tag.state, 1)]?.spec.target).toBe('gpu');
    tag.begin(1);
    const named = new Driven();
    named.begin(1, { model: { ...model(1), serving: { kind: 'dedicated', target: 'edge' } } });
    expect(Object.values(named.state.hosts)[0]?.spec.target).toBe('edge');
  });
  it('are shared when the version was registered so, under a name of their own, and dedicated else (G2)', () => {
    const tag = new Driven();
    const kinds = [null, { kind: 'dedicated' }, { kind: 'shared', target: 'small' }] as const;
    const specs = kinds.map((serving) => hostSpec(tag.state, { ...model(1), serving }));
    expect(specs.map(({ kind }) => kind)).toEqual([undefined, undefined, 'shared']);
    const [unnamed, dedicated, shared] = specs.map(({ name }) => name);
    expect(dedicated).toBe(unnamed);
    expect(shared).not.toBe(dedicated);
    expect(specs[2]).toMatchObject({ target: 'small', digest: model(1).digest });
  });
  it('stay what they are when the definition changes to another kind (G2)', () => {
    const tag = new Driven();
    tag.promote(1);
    const before = routeOf(tag.state);
    tag.define({ ...definition, serving: { kind: 'shared' } });
    expect(routeOf(tag.state)).toEqual(before);
    tag.begin(2, { model: { ...model(2), serving: { kind: 'shared' } } });
    tag.do({ type: 'commitRollout', asked: asked('rollout-2'), lease: tag.lease(), step: 1 });
    tag.settle();
    const live = tag.state.hosts[routeOf(tag.state).live?.host ?? ''];
    expect(live?.spec).toMatchObject({ kind: 'shared', modelId: id(2) });
  });
  it('of a version without a record cannot be named', () => {
    expect(() => hostOf(emptyTag('x'), 3)).toThrow('x/3');
  });
});

describe('the route of a state', () => {
  it('shows a canary while a lease gives its candidate weight', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    expect(routeOf(tag.state).canary).toBeUndefined();
    const { lease } = tag.state;
    tag.state = { ...tag.state, lease: lease && { ...lease, weightPercent: 10 } };
    expect(routeOf(tag.state)).toMatchObject({
      live: { modelId: id(1) },
      canary: { modelId: id(2), weightPercent: 10 },
    });
  });
  it('is not written again while a write is under way', () => {
    const tag = new Driven();
    tag.begin(1);
    tag.do({ type: 'commitRollout', asked: asked(), lease: tag.lease(), step: 1 });
    const { intent } = tag.state;
    tag.do({ type: 'repair', reason: 'x' });
    expect(tag.state.intent).toBe(intent);
  });
});

describe('the ledger', () => {
  it('I3 is gapless and chained over every kind of entry', () => {
    const tag = new Driven();
    [1, 2, 3].forEach((version) => tag.promote(version));
    tag.rollback();
    expect(firstBroken(tag.state.tail)).toBeNull();
    expect(tag.state.tail.map(({ seq }) => seq)).toEqual(
      tag.state.tail.map((_, index) => index + 1),
    );
  });
  it('names the first entry that was altered, left out or put in', () => {
    const tag = new Driven();
    [1, 2].forEach((version) => tag.promote(version));
    const [a, b, c, ...rest] = tag.state.tail;
    if (!a || !b || !c) throw new Error('expected three entries');
    expect(firstBroken([a, { ...b, reason: 'forged' }, c])).toMatchObject({
      seq: b.seq,
      reason: expect.stringContaining('hash'),
    });
    expect(firstBroken([a, c, ...rest])).toMatchObject({
      seq: c.seq,
      reason: expect.stringContaining('expected seq 2'),
    });
    expect(firstBroken([a, { ...b, previousHash: b.hash }])).toMatchObject({
      seq: b.seq,
      reason: expect.stringContaining('previousHash'),
    });
    expect(firstBroken([b, c])).toBeNull();
    expect(firstBroken([])).toBeNull();
  });
  it('keeps the newest entries and every one the journal does not have', () => {
    const tag = new Driven();
    for (let n = 1; n <= TAIL + 20; n += 1)
      tag.do({ type: 'quarantine', asked: asked(), version: n });
    expect(tag.state.tail).toHaveLength(TAIL + 21);
    tag.state = { ...tag.state, journaled: tag.state.seq };
    tag.do({ type: 'quarantine', asked: asked(), version: 1 });
    expect(tag.state.tail).toHaveLength(TAIL);
  });
});

describe('requests', () => {
  it('R7 the same key and request has its answer, another request under it is a conflict', () => {
    const ask = { actor: 'ada', reason: 'r', workflowId: '', key: 'k', hash: 'h' };
    const state = remember(emptyTag('x'), {
      key: 'rollback:k',
      hash: 'h',
      at: '2026-01-01T00:00:00.000Z',
      kind: 'caller',
      result: 7,
    });
    expect(answered(state, 'rollback', ask)).toMatchObject({ result: 7 });
    expect(answered(state, 'rollback', { ...ask, hash: 'other' })).toMatchObject({
      refused: { type: 'IdempotencyConflict', details: { idempotencyKey: 'k' } },
    });
    expect(answered(state, 'demote', ask)).toBeNull();
  });
  it('are kept for a day and at least the last thousand, and a run’s own steps only lately', () => {
    let state = emptyTag('x');
    const day = (n: number): string =>
      new Date(Date.UTC(2026, 0, 1) + n * 86_400_000).toISOString();
    for (let n = 0; n < 1005; n += 1)
      state = remember(state, {
        key: `c${String(n)}`,
        hash: '',
        at: day(0),
        kind: 'caller',
        result: n,
      });
    expect(state.done).toHaveLength(1005);
    for (let n = 0; n < 60; n += 1)
      state = remember(state, {
        key: `s${String(n)}`,
        hash: '',
        at: day(3),
        kind: 'step',
        result: n,
      });
    expect(state.done.filter(({ kind }) => kind === 'caller')).toHaveLength(1000);
    expect(state.done.filter(({ kind }) => kind === 'step')).toHaveLength(50);
  });
});

describe('what the registry is told', () => {
  it('is computed from the newest state', () => {
    const tag = new Driven();
    [1, 2, 3].forEach((version) => tag.promote(version));
    tag.rollback();
    tag.begin(4);
    expect(projectionOf(tag.state)).toMatchObject({
      owner: 'ops',
      tier: 'standard',
      aliases: { champion: 2, previous: 1, challenger: 4 },
      statuses: { '1': 'previous', '2': 'champion', '3': 'quarantined', '4': 'challenger' },
    });
    expect(projectionOf(emptyTag('x'))).toMatchObject({
      owner: '',
      definition: null,
      aliases: { champion: null, previous: null, challenger: null },
    });
  });
});

describe('status', () => {
  it('shows an empty tag and a rollout under way', () => {
    expect(viewOf(emptyTag('x'), { pending: 2, parked: 'why', at: AT })).toMatchObject({
      live: null,
      previous: null,
      previousWarm: false,
      owner: '',
      registry: { inSync: false, pending: 2, parked: 'why' },
    });
    const tag = new Driven();
    tag.begin(1);
    expect(viewOf(tag.state, { pending: 0, parked: null, at: AT })).toMatchObject({
      rollout: { modelId: id(1), weightPercent: 0, workflowId: 'rollout-1' },
    });
  });
});

describe('an edit of a definition', () => {
  it('is refused when somebody else changed it since it was read', () => {
    const tag = new Driven();
    const edit = (expected: string) =>
      ({
        type: 'define',
        asked: asked(),
        definition,
        digest: `sha256:${'e'.repeat(64)}`,
        codeUri: 'u',
        codeRevision: 'r',
        expected,
      }) as const;
    expect(tag.try(edit(`sha256:${'9'.repeat(64)}`))).toMatchObject({ type: 'DefinitionChanged' });
    expect(tag.try(edit(tag.state.definition?.digest ?? ''))).toBeNull();
  });
});

describe('what continue-as-new carries', () => {
  it('stays far below 2 MiB, whatever the answers were', () => {
    let state = emptyTag('x');
    const at = '2026-01-01T00:00:00.000Z';
    const result = 'y'.repeat(5_000);
    for (let n = 0; n < 1000; n += 1)
      state = remember(state, { key: `k${String(n)}`, hash: 'h', at, kind: 'caller', result });
    expect(JSON.stringify(state).length).toBeLessThan(1_000_000);
    expect(state.done.at(-1)?.key).toBe('k999');
  });
});

it('a rollback shows on the run that promoted what it leaves', () => {
  const tag = new Driven();
  tag.promote(1);
  tag.promote(2);
  const run = { workflowId: 'retrain-2', decision: 'promoted', finishedAt: tag.at };
  tag.state = { ...tag.state, lastRun: run };
  tag.rollback();
  expect(tag.state.lastRun).toEqual({ ...run, decision: 'rolled-back' });
});

describe('a repair that keeps failing', () => {
  it('is told once, and told again when it succeeds', () => {
    const tag = new Driven();
    tag.promote(1);
    for (let n = 0; n < 3; n += 1) {
      tag.do({ type: 'repair', reason: 'not confirmed' });
      tag.settle('failed');
      expect(tag.state.serving.inSync).toBe(false);
    }
    tag.do({ type: 'repair', reason: 'not confirmed' });
    tag.settle();
    expect(tag.actions().slice(-3)).toEqual(['promote', 'repair failed', 'repair']);
  });
});

describe('I11 the key of a promote', () => {
  it('belongs to one request, whichever version it named', () => {
    const tag = new Driven();
    tag.begin(1, { requested: { key: 'k', hash: 'one' } });
    expect(tag.begin(1, { requested: { key: 'k', hash: 'one' } })).toMatchObject({
      state: 'granted',
    });
    const other = beginning(2, { requested: { key: 'k', hash: 'two' } });
    expect(tag.try(other)).toMatchObject({ type: 'IdempotencyConflict' });
    expect(objection(tag.state, other, AT)).toMatchObject({ type: 'IdempotencyConflict' });
    tag.do({ type: 'abortRollout', asked: asked(), lease: tag.lease(), step: 1 });
    expect(tag.begin(1, { requested: { key: 'k', hash: 'one' } })).toMatchObject({
      state: 'granted',
    });
  });
});
