import { describe, expect, it } from 'vitest';
import { retirable } from '../../../../workflows/policy/tag/hosts.js';
import { hostOf, routeOf } from '../../../../workflows/policy/tag/route.js';
import type { Command } from '../../../../workflows/policy/tag/transition.js';
import { asked, Driven } from './tags.js';

const shifting = (tag: Driven, weightPercent = 10): Command => ({
  type: 'shiftTraffic',
  asked: asked(tag.state.lease?.workflowId),
  lease: tag.lease(),
  step: 1,
  weightPercent,
});

const canary = (): Driven => {
  const tag = new Driven();
  tag.promote(1);
  tag.begin(2);
  tag.do(shifting(tag));
  tag.settle();
  return tag;
};

describe('a canary', () => {
  it('has its share when the write is confirmed, with an entry that says how much', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    tag.do({
      ...{ type: 'renewLease', asked: asked('rollout-2'), lease: tag.lease(), step: 0 },
      waitingFor: 'window',
    });
    tag.do(shifting(tag));
    expect(tag.state.lease).toMatchObject({ weightPercent: 0, waitingFor: null });
    expect(tag.settle()).toMatchObject({ action: 'shift', evidence: ['10 % to flight-delay/2'] });
    expect(routeOf(tag.state)).toMatchObject({
      live: { modelId: 'flight-delay/1' },
      canary: { modelId: 'flight-delay/2', weightPercent: 10 },
    });
  });

  it('has the share it had when the write is given up', () => {
    const tag = canary();
    tag.do(shifting(tag, 50));
    tag.settle('failed');
    expect(tag.state.lease?.weightPercent).toBe(10);
    expect(tag.state.serving.inSync).toBe(false);
  });

  it('needs a live model to share with, its lease, and no quarantine', () => {
    const first = new Driven();
    first.begin(1);
    expect(first.try(shifting(first))).toMatchObject({
      type: 'InvalidRequest',
      details: { issues: [{ path: 'weightPercent' }] },
    });
    const tag = canary();
    const ended = { ...shifting(tag), lease: 'lease-0' } as Command;
    expect(tag.try(ended)).toMatchObject({ type: 'LeaseLost' });
    const mark = { by: 'eve', reason: 'bad', at: tag.at };
    tag.state = { ...tag.state, quarantined: { 2: mark } };
    expect(tag.try(shifting(tag))).toMatchObject({ type: 'Quarantined' });
  });

  it('is taken off by a write when its run gives up, and keeps its host until that is in force', () => {
    const tag = canary();
    const host = hostOf(tag.state, 2);
    const step = { asked: asked('rollout-2'), lease: tag.lease(), step: 2 };
    tag.do({ type: 'abortRollout', ...step });
    expect(tag.state).toMatchObject({ lease: null, intent: { entry: { action: 'abort' } } });
    expect(tag.state.notices).toEqual([]);
    expect(retirable(tag.state, tag.at)).toEqual([]);
    tag.settle();
    expect(routeOf(tag.state).canary).toBeUndefined();
    expect(retirable(tag.state, tag.at)).toEqual([host]);
  });

  it('is what a rollback leaves, also while it waits for a window', () => {
    const tag = canary();
    tag.do({
      ...{ type: 'renewLease', asked: asked('rollout-2'), lease: tag.lease(), step: 2 },
      waitingFor: 'window',
    });
    expect(tag.rollback()).toMatchObject({ action: 'abort', from: 'flight-delay/2' });
  });

  it('that a newer candidate supersedes is taken off first, and its run is told', () => {
    const tag = new Driven({ whenBusy: 'supersede' });
    tag.promote(1);
    tag.begin(2);
    tag.do(shifting(tag));
    tag.settle();
    const lease = tag.lease();
    expect(tag.begin(3)).toMatchObject({ state: 'queued', holder: 'rollout-2' });
    tag.settle();
    expect(tag.state.notices.at(-1)).toMatchObject({
      workflowId: 'rollout-2',
      notice: { about: 'lease', type: 'Superseded' },
    });
    expect(tag.begin(3, { ticket: 1 })).toMatchObject({ state: 'granted' });
    const step = { asked: asked('rollout-2'), lease, step: 3 };
    expect(tag.try({ type: 'commitRollout', ...step })).toMatchObject({ type: 'Superseded' });
  });
});

describe('a candidate that waits', () => {
  it('for a window is not what a rollback without a version leaves', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    tag.begin(3);
    tag.do({
      ...{ type: 'renewLease', asked: asked('rollout-3'), lease: tag.lease(), step: 1 },
      waitingFor: 'window',
    });
    expect(tag.rollback()).toMatchObject({ action: 'rollback', from: 'flight-delay/2' });
  });
});

describe('a candidate that was live before', () => {
  it('is not warmed as the target after the warm time', () => {
    const tag = new Driven({ rollout: { keepPreviousWarm: '1s' } });
    tag.promote(1);
    tag.promote(2);
    const { hosts } = tag.state;
    tag.do({ type: 'quarantine', asked: asked(), version: 1 });
    tag.do({ type: 'release', asked: asked(), version: 1 });
    expect(tag.state.hosts).toEqual(hosts);
  });

  it('I5 leaves the next target warm when it is rolled back', () => {
    const tag = new Driven({ rollout: { keepPreviousWarm: '2h' } });
    tag.promote(1);
    tag.promote(2);
    tag.promote(3);
    const host = hostOf(tag.state, 1);
    const { [host]: _, ...hosts } = tag.state.hosts;
    tag.state = { ...tag.state, hosts };
    tag.begin(2);
    tag.rollback({ from: 2 });
    expect(tag.state.hosts[host]).toMatchObject({ version: 1, retiring: false });
  });
});
