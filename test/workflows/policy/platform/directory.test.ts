import { describe, expect, it } from 'vitest';
import { tagsAfter } from '../../../../workflows/policy/platform/directory.js';
import { DrivenPlatform, minute } from './platform.js';

describe('a tag that registers', () => {
  it('hears that nothing holds, and has nothing to acknowledge', () => {
    const platform = new DrivenPlatform();
    expect(platform.register('churn')).toEqual({ frozen: null });
    expect(platform.state).toMatchObject({ tags: { churn: 'ops' }, pending: [], seq: 0 });
  });

  it('hears of the freeze that holds, and is told of it once more (U6)', () => {
    const platform = new DrivenPlatform();
    platform.freeze();
    const frozen = { by: 'ada', reason: 'a reason', until: null };
    expect(platform.register('churn')).toEqual({ frozen });
    expect(platform.state.pending).toEqual(['churn']);
  });

  it('hears nothing of a freeze that is over', () => {
    const platform = new DrivenPlatform();
    platform.freeze(minute(2));
    expect(platform.register('churn')).toEqual({ frozen: null });
    expect(platform.state.pending).toEqual([]);
  });

  it('and registers again changes nothing, but its owner when that is another one', () => {
    const platform = new DrivenPlatform();
    platform.register('churn');
    const before = platform.state;
    platform.register('churn');
    expect(platform.state).toBe(before);
    platform.freeze();
    platform.acknowledge(1, 'churn');
    platform.register('churn', 'growth');
    expect(platform.state).toMatchObject({ tags: { churn: 'growth' }, pending: [] });
  });

  it('may be named like what every JavaScript object has', () => {
    const platform = new DrivenPlatform();
    platform.freeze();
    platform.register('constructor');
    expect(platform.state).toMatchObject({ pending: ['constructor'] });
    expect(tagsAfter(platform.state, undefined, 9)).toEqual([{ tag: 'constructor', owner: 'ops' }]);
  });
});

describe('the tags that have not acknowledged', () => {
  const frozenOf = (...tags: string[]): DrivenPlatform => {
    const platform = new DrivenPlatform();
    for (const tag of tags) platform.register(tag);
    platform.freeze();
    return platform;
  };

  it('are all of them after a freeze, and fewer with each that does (U6)', () => {
    const platform = frozenOf('a', 'b', 'c');
    expect(platform.state.pending).toEqual(['a', 'b', 'c']);
    platform.acknowledge(1, 'b', 'a');
    expect(platform.state.pending).toEqual(['c']);
    platform.acknowledge(1);
    platform.acknowledge(1, 'nobody');
    expect(platform.state.pending).toEqual(['c']);
  });

  it('are all of them again when the freeze is lifted, whoever had heard of it (U6)', () => {
    const platform = frozenOf('a', 'b');
    platform.acknowledge(1, 'a');
    platform.unfreeze();
    expect(platform.state.pending).toEqual(['a', 'b']);
  });

  it('stay when what they acknowledge is not the newest', () => {
    const platform = frozenOf('a');
    platform.unfreeze();
    platform.acknowledge(1, 'a');
    expect(platform.state.pending).toEqual(['a']);
    platform.acknowledge(2, 'a');
    expect(platform.state.pending).toEqual([]);
  });
});

describe('the directory', () => {
  it('is read by name, page after page', () => {
    const platform = new DrivenPlatform();
    const names = ['m', 'b.x', 'b', 'z', 'a'];
    for (const name of names) platform.register(name);
    const read: string[] = [];
    for (let after: string | undefined; ; after = read.at(-1)) {
      const page = tagsAfter(platform.state, after, 2);
      if (page.length === 0) break;
      read.push(...page.map(({ tag }) => tag));
    }
    expect(read).toEqual(['a', 'b', 'b.x', 'm', 'z']);
  });
});
