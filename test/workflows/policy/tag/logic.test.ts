import { describe, expect, it } from 'vitest';
import { firstBroken } from '../../../../workflows/policy/ledger.js';
import { retirable } from '../../../../workflows/policy/tag/hosts.js';
import { migrated, type FirstSchema } from '../../../../workflows/policy/tag/logic.js';
import { routeOf } from '../../../../workflows/policy/tag/route.js';
import type { TagState } from '../../../../workflows/policy/tag/state.js';
import { firstSchemaState } from './recorded.js';
import { asked, definition, Driven } from './tags.js';

describe('a state of the first schema, as a workflow recorded it', () => {
  it('is taken over whole, moved by the logic it had', () => {
    const old = firstSchemaState();
    const state = migrated(old);
    expect(state).toMatchObject({ ...old, schema: 2 });
    expect(state).toMatchObject({ shadow: null, retired: null, notices: [], registered: false });
    expect(migrated(state)).toBe(state);
    expect(firstBroken(state.tail)).toBeNull();
    expect(() => routeOf(state)).not.toThrow();
  });

  it('goes on: a candidate is promoted, and the chain holds', () => {
    const tag = new Driven();
    tag.state = migrated(firstSchemaState());
    tag.promote(9);
    expect(tag.state).toMatchObject({ logic: 1, live: 9, serving: { inSync: true, fence: 1 } });
    expect(firstBroken(tag.state.tail)).toBeNull();
  });

  it('keeps a lease, asked for by its actor and judged by nobody', () => {
    const tag = new Driven();
    tag.begin(1);
    const state = migrated(backDated(tag.state));
    expect(state.lease).toMatchObject({
      ...{ version: 1, requesters: ['ada'], judgedUnder: null },
      ...{ approval: null, breakGlass: false, waitingFor: null },
    });
  });
});

describe('the first logic', () => {
  const first = (tag: Driven): void => {
    tag.state = { ...tag.state, logic: 1 };
  };

  it('tells no runs', () => {
    const tag = new Driven();
    first(tag);
    tag.promote(1);
    tag.begin(2);
    tag.rollback({ from: 2 });
    expect(tag.state.notices).toEqual([]);
  });

  it('warms no new target at once, retires by the state alone, and commits under a changed definition', () => {
    const tag = new Driven();
    first(tag);
    tag.promote(1);
    tag.begin(2);
    tag.define({ ...definition, rollout: { watch: '2h' } });
    const step = { asked: asked('rollout-2'), lease: tag.lease(), step: 1 };
    expect(tag.try({ type: 'commitRollout', ...step })).toBeNull();
    tag.rollback({ from: 2 });
    const other = new Driven();
    first(other);
    other.begin(1);
    other.do({ type: 'commitRollout', ...step, asked: asked('rollout-1'), lease: other.lease() });
    other.do({ type: 'rollback', asked: asked(), from: 1 });
    expect(retirable(other.state, other.at)).toHaveLength(1);
  });
});

describe('the second logic', () => {
  it('ends what a changed definition no longer judges at its next step', () => {
    const tag = new Driven();
    tag.begin(1);
    const step = { asked: asked('rollout-1'), lease: tag.lease(), step: 1 };
    tag.define({ ...definition, description: 'other words' });
    expect(tag.try({ type: 'renewLease', ...step })).toBeNull();
    tag.define({ ...definition, rollout: { watch: '2h' } });
    const refusal = { type: 'DefinitionChanged' };
    expect(tag.try({ type: 'renewLease', ...step })).toMatchObject(refusal);
    expect(tag.try({ type: 'commitRollout', ...step })).toMatchObject(refusal);
  });
});

/** The state as the version before would have carried it. */
function backDated(state: TagState): FirstSchema {
  const { lease, ...rest } = state;
  if (!lease) throw new Error('expected a lease');
  return { ...rest, schema: 1, lease };
}
