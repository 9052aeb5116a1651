import { describe, expect, it } from 'vitest';
import type { HostSpec } from '../../../../temporal/contracts/route.js';
import type { RenewedLease } from '../../../../temporal/contracts/tag.js';
import { nextWarmEnd, retirable, toWarm } from '../../../../workflows/policy/tag/hosts.js';
import { rollbackFrom } from '../../../../workflows/policy/tag/rollback.js';
import { hostOf, meantRoute, routeOf } from '../../../../workflows/policy/tag/route.js';
import { shadowDue, shadowObjection } from '../../../../workflows/policy/tag/shadow.js';
import { viewOf } from '../../../../workflows/policy/tag/view.js';
import { asked, definition, Driven, model } from './tags.js';

const UNTIL = '2026-01-02T00:00:00.000Z';
const shadowing = (version: number, until = UNTIL) =>
  ({
    type: 'beginShadow',
    asked: asked(`shadow-${String(version)}`),
    model: model(version),
    samplingPercent: 20,
    until,
  }) as const;

const shadowed = (): Driven => {
  const tag = new Driven();
  tag.promote(1);
  tag.do(shadowing(2));
  tag.settle();
  return tag;
};
const ending = (tag: Driven) =>
  ({ type: 'endShadow', asked: asked('shadow-2'), shadow: tag.state.shadow?.id ?? '' }) as const;

describe('a shadow', () => {
  it('I13 mirrors for its time and leaves the route as it was', () => {
    const tag = new Driven();
    tag.promote(1);
    const before = routeOf(tag.state);
    tag.do(shadowing(2));
    expect(tag.state.shadow).toBeNull();
    tag.settle();
    expect(routeOf(tag.state)).toEqual({
      ...before,
      mirror: {
        modelId: 'flight-delay/2',
        host: hostOf(tag.state, 2),
        samplingPercent: 20,
        until: UNTIL,
      },
    });
    const lanes = { pending: 0, parked: null, at: tag.at };
    expect(viewOf(tag.state, lanes).shadow).toEqual({
      modelId: 'flight-delay/2',
      until: UNTIL,
      workflowId: 'shadow-2',
    });
    tag.do(ending(tag));
    expect(tag.state.intent?.route).toEqual(before);
    expect(tag.settle()).toMatchObject({ action: 'shadow-end', from: 'flight-delay/2' });
    expect(tag.do({ ...ending(tag), shadow: 'shadow-0' })).toBeNull();
  });

  it('keeps its host until the route without it is in force', () => {
    const tag = shadowed();
    const host = hostOf(tag.state, 2);
    tag.do(ending(tag));
    expect(retirable(tag.state, tag.at)).toEqual([]);
    tag.settle('failed');
    expect(retirable(tag.state, tag.at)).toEqual([]);
    tag.do({ type: 'repair', reason: 'unknown' });
    tag.settle();
    expect(retirable(tag.state, tag.at)).toEqual([host]);
  });

  it.each([
    ['nothing is live', () => new Driven(), shadowing(1), 'InvalidRequest'],
    ['its version is live', shadowed, shadowing(1), 'InvalidRequest'],
    ['another is there', shadowed, shadowing(3), 'Busy'],
    ['its end is over', shadowed, shadowing(3, '2025-01-01T00:00:00.000Z'), 'InvalidRequest'],
  ] as const)('is refused when %s', (_, of, command, type) => {
    expect(of().try(command)).toMatchObject({ type });
  });

  it('is refused beside a canary and for a version in quarantine', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.do({ type: 'quarantine', asked: asked(), version: 3 });
    expect(tag.try(shadowing(3))).toMatchObject({ type: 'Quarantined' });
    tag.begin(2);
    const step = { asked: asked('rollout-2'), lease: tag.lease(), step: 1 };
    tag.do({ type: 'shiftTraffic', ...step, weightPercent: 5 });
    tag.settle();
    expect(tag.try(shadowing(4))).toMatchObject({
      type: 'Busy',
      details: { workflowId: 'rollout-2' },
    });
  });

  it.each(['promote', 'rollback', 'demote'] as const)(
    'ends with a %s, which takes its incumbent, and its run is told',
    (how) => {
      const tag = new Driven();
      tag.promote(9);
      tag.promote(1);
      tag.do(shadowing(2));
      tag.settle();
      if (how === 'promote') tag.promote(3);
      else tag.do({ type: how, asked: asked() });
      expect(tag.state.shadow).toBeNull();
      expect(tag.state.tail.find(({ action }) => action === 'shadow-end')).toMatchObject({
        reason: 'cancelled: incumbent changed: a reason',
        outcome: 'applied',
      });
      expect(tag.state.notices).toContainEqual({
        workflowId: 'shadow-2',
        notice: expect.objectContaining({ about: 'shadow' }),
      });
    },
  );

  it('stays when a candidate beside it is rolled back', () => {
    const tag = shadowed();
    tag.begin(3);
    tag.rollback({ from: 3 });
    expect(tag.state.shadow?.version).toBe(2);
    expect(routeOf(tag.state).mirror?.modelId).toBe('flight-delay/2');
  });

  it('is due at its end, and when its version is quarantined', () => {
    const tag = shadowed();
    expect(shadowDue(new Driven().state, UNTIL)).toBeNull();
    expect(shadowDue(tag.state, tag.at)).toBeNull();
    expect(shadowDue(tag.state, UNTIL)).toBe(`its window was until ${UNTIL}`);
    tag.do({ type: 'quarantine', asked: asked(), version: 2 });
    expect(shadowDue(tag.state, tag.at)).toBe('cancelled: the candidate was quarantined');
  });

  it('S1 has its end moved by its own run, under another name', () => {
    const tag = shadowed();
    const first = tag.state.shadow?.id ?? '';
    const later = '2026-01-03T00:00:00.000Z';
    tag.do(shadowing(2, later));
    expect(tag.settle()).toMatchObject({
      ...{ action: 'shadow-start', evidence: [`extended: 20 % until ${later}`] },
    });
    expect(tag.state.shadow).toMatchObject({ until: later });
    expect(routeOf(tag.state).mirror?.until).toBe(later);
    expect(tag.do({ ...ending(tag), shadow: first })).toBeNull();
    expect(tag.state.shadow).not.toBeNull();
    const otherRun = { ...shadowing(2), asked: asked('somebody') };
    expect(tag.try(otherRun)).toMatchObject({ type: 'Busy' });
  });

  it('F26 that has ended answers with the entry that ended it', () => {
    const tag = shadowed();
    const end = ending(tag);
    tag.do({ ...end, asked: asked('tag') });
    const entry = tag.settle();
    expect(tag.do(end)).toEqual(entry);
  });

  it('I13 is ended by its own run under whatever name it has, and by no other run', () => {
    const tag = shadowed();
    const unnamed = (workflowId: string) =>
      ({ type: 'endShadow', asked: asked(workflowId) }) as const;
    expect(tag.do(unnamed('shadow-3'))).toBeNull();
    tag.do(shadowing(2, '2026-01-03T00:00:00.000Z'));
    tag.settle();
    tag.do(unnamed('shadow-2'));
    expect(tag.state.shadow).toBeNull();
    const entry = tag.settle();
    expect(entry).toMatchObject({ action: 'shadow-end' });
    expect(tag.do(unnamed('shadow-2'))).toEqual(entry);
  });

  it('tells its run when somebody else ends it before its time', () => {
    const told = (tag: Driven): number =>
      tag.state.notices.filter(({ notice }) => notice.about === 'shadow').length;
    const own = shadowed();
    own.do(ending(own));
    expect(told(own)).toBe(0);
    const other = shadowed();
    other.do({ ...ending(other), asked: asked('tag') });
    expect(other.state.notices).toContainEqual({
      workflowId: 'shadow-2',
      notice: expect.objectContaining({ about: 'shadow', reason: 'a reason' }),
    });
    const late = new Driven();
    late.promote(1);
    late.do(shadowing(2, new Date(Date.parse(late.at) + 90_000).toISOString()));
    late.settle();
    late.do({ ...ending(late), asked: asked('tag') });
    expect(told(late)).toBe(0);
  });

  it('S1 is asked about before it begins, also for a time to come', () => {
    const tag = shadowed();
    const objection = (version: number, from: string, until: string): string | undefined =>
      shadowObjection(tag.state, { version, from, until, workflowId: 'other' }, tag.at)?.type;
    const after = '2026-01-05T00:00:00.000Z';
    expect(objection(3, tag.at, UNTIL)).toBe('Busy');
    expect(objection(3, UNTIL, after)).toBeUndefined();
    expect(objection(1, UNTIL, after)).toBe('InvalidRequest');
    const shared = new Driven();
    shared.promote(1);
    shared.begin(2);
    shared.do({
      ...{ type: 'shiftTraffic', asked: asked('rollout-2'), lease: shared.lease(), step: 1 },
      weightPercent: 5,
    });
    shared.settle();
    const wanted = { version: 3, until: after, workflowId: 'other' };
    const type = (from: string): string | undefined =>
      shadowObjection(shared.state, { ...wanted, from }, shared.at)?.type;
    expect(type(shared.at)).toBe('Busy');
    expect(type(UNTIL)).toBeUndefined();
  });

  it('is in the plan of a rollout with something live, unless the glass is broken', () => {
    const shadow = { duration: '1h', checks: [{ metric: 'error_rate', max: 0.1 }] };
    const planned = (tag: Driven, breakGlass?: true) => {
      const grant = tag.begin(2, breakGlass && { breakGlass }) as { plan?: { shadow?: unknown } };
      return grant.plan?.shadow;
    };
    expect(planned(new Driven({ shadow }))).toBeNull();
    const tag = new Driven({ shadow });
    tag.promote(1);
    expect(planned(tag)).toEqual(shadow);
    const hurried = new Driven({ shadow });
    hurried.promote(1);
    expect(planned(hurried, true)).toBeNull();
  });

  it('is not what a rollback leaves while its rollout waits for it', () => {
    const tag = new Driven();
    tag.promote(9);
    tag.promote(1);
    tag.begin(2);
    const step = { asked: asked('rollout-2'), lease: tag.lease(), step: 1 };
    tag.do({ type: 'renewLease', ...step, waitingFor: 'shadow' });
    expect(rollbackFrom(tag.state)).toBe(1);
  });

  it('I6 is over before the time to approve its candidate begins', () => {
    const gate = { ...definition.gate, approval: { required: 1, expiresAfter: '1h' } };
    const tag = new Driven();
    tag.promote(1);
    tag.define({ ...definition, gate });
    tag.begin(2);
    const renew = (over: object): RenewedLease =>
      tag.do({
        ...{ type: 'renewLease', asked: asked('rollout-2'), lease: tag.lease(), step: 1 },
        ...over,
      });
    const granted = tag.state.lease?.approval?.expiresAt;
    expect(renew({ waitingFor: 'shadow' }).approvalUntil).toBe(granted);
    expect(renew({ waitingFor: 'shadow' }).approvalUntil).toBe(granted);
    expect(renew({ until: UNTIL }).approvalUntil).toBe(granted);
    const { approvalUntil } = renew({ waitingFor: null });
    expect(Date.parse(approvalUntil ?? '')).toBe(Date.parse(tag.at) + 3_600_000);
    expect(renew({ waitingFor: 'approval' }).approvalUntil).toBe(approvalUntil);
  });

  it('I10 has its host held for its run before it begins, and no longer than its window', () => {
    const tag = new Driven();
    tag.promote(1);
    const hold = (version: number): HostSpec =>
      tag.do({
        ...{ type: 'holdHost', asked: asked('shadow-2'), model: model(version), until: UNTIL },
      });
    const host = hold(2);
    expect(host).toMatchObject({ name: hostOf(tag.state, 2), modelId: 'flight-delay/2' });
    expect(retirable(tag.state, tag.at)).toEqual([]);
    expect(toWarm(tag.state)).toEqual([]);
    expect(nextWarmEnd(tag.state, tag.at)).toBe(UNTIL);
    expect(retirable(tag.state, UNTIL)).toEqual([host.name]);
    tag.do(shadowing(2));
    tag.settle();
    expect(toWarm(tag.state)).toEqual([host.name]);
    tag.do({ type: 'releaseHost', asked: asked('somebody'), host });
    tag.do(ending(tag));
    tag.settle();
    expect(retirable(tag.state, tag.at)).toEqual([]);
    tag.do({ type: 'releaseHost', asked: asked('shadow-2'), host });
    expect(retirable(tag.state, tag.at)).toEqual([host.name]);
    expect(nextWarmEnd(tag.state, tag.at)).toBeNull();
  });

  it('S1 is known by the route that the tag means, and by none while one is written', () => {
    const tag = shadowed();
    expect(meantRoute(tag.state)?.route).toEqual(routeOf(tag.state));
    tag.do(ending(tag));
    expect(meantRoute(tag.state)).toBeNull();
    tag.settle('failed');
    expect(meantRoute(tag.state)).toBeNull();
  });
});
