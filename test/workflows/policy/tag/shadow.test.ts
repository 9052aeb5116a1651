import { describe, expect, it } from 'vitest';
import { retirable } from '../../../../workflows/policy/tag/hosts.js';
import { hostOf, routeOf } from '../../../../workflows/policy/tag/route.js';
import { shadowDue } from '../../../../workflows/policy/tag/shadow.js';
import { viewOf } from '../../../../workflows/policy/tag/view.js';
import { asked, Driven, model } from './tags.js';

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
    expect(tag.do(ending(tag))).toBeNull();
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
    expect(shadowDue(tag.state, UNTIL)).toBe('its window is over');
    tag.do({ type: 'quarantine', asked: asked(), version: 2 });
    expect(shadowDue(tag.state, tag.at)).toBe('the candidate was quarantined');
  });
});
