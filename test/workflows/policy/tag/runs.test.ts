import { describe, expect, it } from 'vitest';
import { pageOf } from '../../../../workflows/policy/ledger.js';
import { planOf } from '../../../../workflows/policy/tag/plan.js';
import { triggeredBy } from '../../../../workflows/policy/tag/triggers.js';
import { retirable } from '../../../../workflows/policy/tag/hosts.js';
import { projectionOf } from '../../../../workflows/policy/tag/projection.js';
import { hostOf } from '../../../../workflows/policy/tag/route.js';
import { viewOf } from '../../../../workflows/policy/tag/view.js';
import { asked, beginning, definition, Driven } from './tags.js';

const FAR = '2027-01-01T00:00:00.000Z';

describe('what a run is granted', () => {
  it('is the plan of the definition in force', () => {
    const rollout = {
      steps: [{ percent: 10, for: '5m' }],
      watch: '1h',
      checkEvery: '30s',
      checks: [],
    } as never;
    const tag = new Driven({ rollout });
    expect(tag.begin(1)).toMatchObject({ plan: { steps: [], watch: '1h', incumbent: null } });
    tag.do({ type: 'abortRollout', asked: asked('rollout-1'), lease: tag.lease(), step: 1 });
    tag.promote(1);
    expect(tag.begin(2)).toMatchObject({
      plan: {
        steps: [{ percent: 10 }],
        checkEvery: '30s',
        windows: null,
        incumbent: { version: 1 },
      },
    });
    const plain = new Driven();
    plain.promote(1);
    expect(plain.begin(2)).toMatchObject({
      plan: { steps: [], watch: '0s', checks: [], checkEvery: '1m' },
    });
  });

  it('has no incumbent that the state holds no record of, and no checks without a definition', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    const { lease } = tag.state;
    if (!lease) throw new Error('expected a lease');
    const bare = { ...tag.state, definition: null, models: {} };
    expect(planOf(bare, lease)).toMatchObject({ incumbent: null, checks: [], watch: '0s' });
  });

  it('is a lease for a month at the longest', () => {
    const tag = new Driven();
    tag.begin(1);
    const renew = { type: 'renewLease', asked: asked(), lease: tag.lease(), step: 1 } as const;
    const waits = { ...renew, until: FAR, waitingFor: 'approval' } as const;
    const { deadline } = tag.do<{ deadline: string }>(waits);
    expect(Date.parse(deadline) - Date.parse(tag.at)).toBe(31 * 24 * 3_600_000);
    expect(tag.state.lease?.waitingFor).toBe('approval');
    tag.do({ ...renew, until: tag.at });
    expect(tag.state.lease?.waitingFor).toBe('approval');
    tag.do({ ...renew, waitingFor: null });
    expect(tag.state.lease?.waitingFor).toBeNull();
    const lanes = { pending: 1, parked: 'the registry is away', at: tag.at };
    expect(viewOf(tag.state, lanes)).toMatchObject({
      rollout: { modelId: 'flight-delay/1', waitingFor: null },
      registry: { inSync: false, pending: 1, parked: 'the registry is away' },
    });
  });

  it('is told when the tag ends its lease, and when the model it made live is left', () => {
    const tag = new Driven();
    tag.begin(1);
    const step = { asked: asked('tag'), lease: tag.lease(), step: 0 };
    tag.do({ type: 'abortRollout', by: 'tag', ...step });
    expect(tag.state.notices).toMatchObject([
      { workflowId: 'rollout-1', notice: { about: 'lease', type: 'LeaseLost' } },
    ]);
    tag.promote(1);
    const run = tag.state.tail.at(-1)?.workflowId;
    tag.promote(2);
    tag.rollback();
    expect(tag.state.notices.at(-1)).toMatchObject({
      notice: { about: 'left', action: 'rollback' },
    });
    expect(run).toBe('rollout-1');
    tag.do({ type: 'demote', asked: asked(), to: 'none' });
    const before = tag.state.notices.length;
    tag.settle();
    expect(tag.state.notices).toHaveLength(before);
  });
});

describe('the triggers of slots', () => {
  it('name everybody who asked for an instant, once, and the newest are kept', () => {
    const tag = new Driven();
    const [from, until] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
    for (const who of ['ada', 'bob', 'ada'])
      tag.do({ type: 'noteTrigger', asked: asked('c', who), from, until });
    expect(triggeredBy(tag.state, from)).toEqual(['ada', 'bob']);
    expect(triggeredBy(tag.state, until)).toEqual(['ada', 'bob']);
    expect(triggeredBy(tag.state, '2026-01-02T00:00:00.001Z')).toEqual([]);
    for (let i = 0; i < 510; i += 1)
      tag.do({ type: 'noteTrigger', asked: asked(), from: until, until });
    expect(tag.state.triggers).toHaveLength(500);
  });
});

describe('a retirement', () => {
  const retired = (): Driven => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    tag.do({ type: 'retire', asked: asked('ops', 'eve') });
    tag.settle();
    return tag;
  };

  it('leaves nothing live, nothing warm and nothing to roll back to', () => {
    const tag = retired();
    expect(tag.state).toMatchObject({ live: null, retired: { by: 'eve' } });
    expect(retirable(tag.state, tag.at).sort()).toEqual(
      [hostOf(tag.state, 1), hostOf(tag.state, 2)].sort(),
    );
    expect(viewOf(tag.state, { pending: 0, parked: null, at: tag.at }).previous).toBeNull();
    expect(projectionOf(tag.state).aliases).toMatchObject({ champion: null, previous: null });
  });

  it('refuses rollouts and another one, until a definition is applied again', () => {
    const tag = retired();
    expect(tag.try(beginning(3))).toMatchObject({
      type: 'UnknownTag',
      details: { tag: 'flight-delay' },
    });
    expect(tag.try({ type: 'retire', asked: asked() })).toMatchObject({ type: 'UnknownTag' });
    tag.define(definition);
    expect(tag.state.retired).toBeNull();
    expect(tag.try(beginning(3))).toBeNull();
  });
});

describe('a page of the ledger', () => {
  it('is the newest first, from before a number, and says how far back is held', () => {
    const tag = new Driven();
    expect(pageOf({ ...tag.state, tail: [] }, undefined, 5)).toEqual({
      entries: [],
      oldestHeld: 2,
    });
    tag.promote(1);
    expect(pageOf(tag.state, undefined, 2).entries.map(({ seq }) => seq)).toEqual([3, 2]);
    expect(pageOf(tag.state, 3, 5)).toMatchObject({
      entries: [{ seq: 2 }, { seq: 1 }],
      oldestHeld: 1,
    });
  });
});
