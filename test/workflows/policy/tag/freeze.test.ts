import { describe, expect, it } from 'vitest';
import { frozenAt, nextThaw } from '../../../../workflows/policy/tag/freeze.js';
import { asked, beginning, Driven } from './tags.js';

const LATER = '2026-01-02T00:00:00.000Z';

describe('a freeze', () => {
  it('refuses a rollout, a share of the traffic and a commit, and says by whom and until when', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.begin(2);
    tag.do({ type: 'freeze', asked: asked('ops', 'eve'), until: LATER });
    const step = { asked: asked('rollout-2'), lease: tag.lease(), step: 1 };
    const refusal = {
      type: 'Frozen',
      message: `flight-delay is frozen by eve until ${LATER}: a reason`,
      details: { by: 'eve', until: LATER },
    };
    expect(tag.try({ type: 'shiftTraffic', ...step, weightPercent: 5 })).toMatchObject(refusal);
    expect(tag.try({ type: 'commitRollout', ...step })).toMatchObject(refusal);
    expect(tag.try(beginning(3))).toMatchObject(refusal);
    expect(tag.state.tail.at(-1)?.evidence).toEqual(['this tag', `until ${LATER}`]);
  });

  it('lets a rollback and a demotion through', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.promote(2);
    tag.do({ type: 'freeze', asked: asked() });
    expect(tag.rollback()).toMatchObject({ action: 'rollback', outcome: 'applied' });
    tag.do({ type: 'demote', asked: asked(), to: 'none' });
    expect(tag.settle()).toMatchObject({ action: 'demote' });
  });

  it('ends at its instant by itself, and may then be set again', () => {
    const tag = new Driven();
    tag.do({ type: 'freeze', asked: asked(), until: LATER });
    expect(frozenAt(tag.state, '2026-01-01T23:59:59.999Z')).not.toBeNull();
    expect(frozenAt(tag.state, LATER)).toBeNull();
    const short = new Date(Date.parse(tag.at) + 90_000).toISOString();
    const other = new Driven();
    other.do({ type: 'freeze', asked: asked(), until: short });
    expect(other.try({ type: 'freeze', asked: asked() })).toMatchObject({ type: 'Frozen' });
    expect(other.try({ type: 'freeze', asked: asked() })).toBeNull();
  });

  it('ends after it begins', () => {
    const tag = new Driven();
    const until = '2025-12-31T00:00:00.000Z';
    expect(tag.try({ type: 'freeze', asked: asked(), until })).toMatchObject({
      type: 'InvalidRequest',
      details: { issues: [{ path: 'until' }] },
    });
  });

  it("of the platform holds beside the tag's own, and each is lifted by itself", () => {
    const tag = new Driven();
    tag.do({ type: 'freeze', asked: asked('ops', 'own') });
    tag.do({ type: 'freeze', asked: asked('platform', 'all'), scope: 'platform', until: LATER });
    expect(frozenAt(tag.state, tag.at)?.by).toBe('all');
    expect(nextThaw(tag.state)).toEqual({ scope: 'platform', until: LATER });
    tag.do({ type: 'unfreeze', asked: asked() });
    const refused = tag.try({ type: 'unfreeze', asked: asked() });
    expect(refused).toMatchObject({
      type: 'InvalidRequest',
      details: { issues: [{ path: 'tag' }] },
    });
    expect(refused?.message).toContain("lifted with '*'");
    tag.do({ type: 'unfreeze', asked: asked(), scope: 'platform' });
    expect(tag.state.tail.at(-1)?.evidence).toEqual(['every tag']);
    expect(tag.try({ type: 'unfreeze', asked: asked(), scope: 'platform' })?.message).toBe(
      'flight-delay is not frozen',
    );
    expect(nextThaw(tag.state)).toBeNull();
  });

  it('that ends first is lifted first', () => {
    const tag = new Driven();
    tag.do({
      type: 'freeze',
      asked: asked(),
      scope: 'platform',
      until: '2026-01-03T00:00:00.000Z',
    });
    tag.do({ type: 'freeze', asked: asked(), until: LATER });
    expect(nextThaw(tag.state)).toEqual({ scope: 'tag', until: LATER });
  });
});
