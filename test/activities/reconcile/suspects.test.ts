import { describe, expect, it } from 'vitest';
import { due, suspects } from '../../../activities/reconcile/suspects.js';
import type { FencedRoute } from '../../../temporal/contracts/route.js';

const target = (tag: string, version: number) => ({
  modelId: `${tag}/${String(version)}`,
  host: `${tag}-${String(version)}`,
});
const route = (tag: string, version: number | null, more: object = {}): FencedRoute => ({
  ...{ tag, fence: 1 },
  route: { live: version === null ? null : target(tag, version), ...more },
});
const aliases = (tag: string, champion: number | null, challenger: number | null = null) => ({
  ...{ tag, champion, previous: null, challenger },
});
const kept = (tag: string, version: number) => {
  const { host: name, modelId } = target(tag, version);
  return { name, modelId };
};

describe('a look at the listings', () => {
  it('clears tags whose route, champion and only host agree', () => {
    const listing = {
      routes: [route('a', 1), route('b', null)],
      aliases: [aliases('a', 1), aliases('b', null), aliases('c', null)],
      hosts: [kept('a', 1)],
    };
    expect([...suspects(listing)]).toEqual([]);
  });

  it.each([
    [
      'a champion that is not routed (F11)',
      { routes: [route('a', 1)], aliases: [aliases('a', 2)] },
    ],
    ['a champion of a tag without a route', { aliases: [aliases('a', 2)] }],
    ['a routed tag without a champion', { routes: [route('a', 1)], aliases: [aliases('a', null)] }],
    ['a routed tag that MLflow does not know', { routes: [route('a', 1)] }],
    ['a challenger', { routes: [route('a', 1)], aliases: [aliases('a', 1, 2)] }],
    [
      'a canary',
      {
        routes: [route('a', 1, { canary: { ...target('a', 2), weightPercent: 1 } })],
        aliases: [aliases('a', 1)],
      },
    ],
    [
      'a mirror',
      { routes: [route('a', 1, { mirror: target('a', 2) })], aliases: [aliases('a', 1)] },
    ],
    ['a host that no route names (I10)', { hosts: [kept('a', 1)] }],
    [
      'a second host',
      { routes: [route('a', 1)], aliases: [aliases('a', 1)], hosts: [kept('a', 1), kept('a', 2)] },
    ],
  ])('suspects a tag with %s', (_what, listing) => {
    expect([...suspects({ routes: [], aliases: [], hosts: [], ...listing })]).toEqual(['a']);
  });

  it('suspects no tag for want of aliases while MLflow is down', () => {
    expect([
      ...suspects({ routes: [route('a', 1)], aliases: null, hosts: [kept('a', 1)] }),
    ]).toEqual([]);
  });
});

describe('the sweeps of an hour', () => {
  const tags = Array.from({ length: 500 }, (_, index) => `tag-${String(index)}`);

  it('come round to every tag once', () => {
    const everyMs = 30_000;
    const start = Date.UTC(2026, 0, 1, 10, 17, 3);
    const seen = Array.from({ length: 120 }, (_, index) =>
      due(tags, { atMs: start + index * everyMs, everyMs }),
    ).flat();
    expect(seen.sort()).toEqual([...tags].sort());
  });

  it('take every tag when they are an hour apart or asked for by hand', () => {
    expect(due(tags, { atMs: 5, everyMs: 3_600_000 })).toEqual(tags);
    expect(due(tags, { atMs: 5, everyMs: Infinity })).toEqual(tags);
  });
});
