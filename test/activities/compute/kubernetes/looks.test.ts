import { describe, expect, it } from 'vitest';
import {
  isFresh,
  type Look,
  Looks,
  wantsTail,
} from '../../../../activities/compute/kubernetes/looks.js';
import { NOW } from './settings.js';

const RUNNING: Look = {
  name: 'job-1',
  resourceVersion: '7',
  progress: {
    at: 'running',
    node: 'node-1',
    sinceMs: NOW,
    log: { pod: 'pod-1', container: 'main' },
  },
  atMs: NOW,
  tail: '',
  tailAtMs: 0,
};

/** Milliseconds after the start at which the log is read, of somebody who asks every 100 ms. */
function readsWithin(ms: number, tail: string): number[] {
  const look = { ...RUNNING, tail };
  const reads: number[] = [];
  for (let atMs = 0; atMs <= ms; atMs += 100) {
    if (!wantsTail(look, NOW + atMs)) continue;
    reads.push(atMs);
    look.tailAtMs = NOW + atMs;
  }
  return reads;
}

describe('the log of a running job is read', () => {
  it('ever less often while it says nothing', () => {
    expect(readsWithin(10_000, '')).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000]);
    expect(readsWithin(3_600_000, '').length).toBeLessThan(3_600_000 / 5_000 + 6);
  });

  it('every few seconds once it has said something', () => {
    expect(readsWithin(20_000, 'epoch 1')).toEqual([0, 5_000, 10_000, 15_000, 20_000]);
  });

  it('at its pace also where the clock of its node is ahead or far behind', () => {
    const told = { ...RUNNING, tailAtMs: NOW - 3_600_000 };
    expect(wantsTail({ ...told, tailAtMs: NOW - 3_600_400 }, NOW - 3_600_000)).toBe(false);
    expect(wantsTail({ ...told, tailAtMs: NOW - 3_600_500 }, NOW - 3_600_000)).toBe(true);
    expect(wantsTail({ ...told, tailAtMs: NOW + 3_595_000 }, NOW + 3_600_000)).toBe(true);
  });

  it('not while it does not run', () => {
    const progress = { at: 'queued', detail: 'no node takes it' } as const;
    expect(wantsTail({ ...RUNNING, progress }, NOW + 60_000)).toBe(false);
  });
});

describe('what was read of a job', () => {
  it.each([
    ['unchanged', 10_000],
    ['unknown', 2_000],
    ['changed', 250],
  ] as const)('is good for a while when its watch says %s', (hint, ms) => {
    expect(isFresh(RUNNING, hint, NOW + ms - 1)).toBe(true);
    expect(isFresh(RUNNING, hint, NOW + ms)).toBe(false);
  });

  it('is kept of the jobs that were read last, and of no more than it has room for', () => {
    const looks = new Looks();
    const keep = (index: number): void =>
      looks.keep(`ml/${String(index)}`, { ...RUNNING, name: `job-${String(index)}` });
    for (let index = 0; index < 5_000; index += 1) keep(index);
    keep(0);
    keep(5_000);
    expect(looks.of('ml/0')).toBeDefined();
    expect(looks.of('ml/1')).toBeUndefined();
    expect(looks.of('ml/5000')).toBeDefined();
    looks.forgetName('job-5000');
    expect(looks.of('ml/5000')).toBeUndefined();
  });
});
