import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { areFresh, isFresh, wantsTail } from '../../../../activities/compute/kubernetes/looks.js';
import { podsOfJob } from '../../../../activities/compute/kubernetes/pods.js';
import {
  lacksPod,
  type Progress,
  progressOf,
  sayProgress,
} from '../../../../activities/compute/kubernetes/progress.js';
import type { Refusal } from '../../../../activities/compute/kubernetes/refusal.js';
import { jobObject, podObject, running, terminated, waiting } from './objects.js';
import { NOW } from './settings.js';

const START_DEADLINE_MS = 60_000;
const JOB = jobObject({ startedMs: 0 });

function progress(afterMs: number, pods: V1Pod[], job: V1Job = JOB, refusal?: Refusal): Progress {
  const moment = { nowMs: NOW + afterMs, startDeadlineMs: START_DEADLINE_MS, lostAfterMs: 60_000 };
  return progressOf({ job, pods: podsOfJob(pods, 'job-uid'), refusal }, moment);
}

const unscheduled = podObject({
  conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes: Insufficient gpu' }],
});
const held = (reason: string) => podObject({ state: waiting(reason, 'its words') });

describe('a Job that has not ended', () => {
  it('waits while its queue holds it back, for as long as that takes', () => {
    const job = jobObject({ suspend: true });
    expect(progress(24 * 3_600_000, [], job)).toMatchObject({ at: 'queued' });
  });

  it('says what it waits for, by name when it waited too long (F15)', () => {
    const cases: [V1Pod[], 'queued' | 'starting', string, string][] = [
      [[], 'queued', 'NoPod', 'quota of namespace ml'],
      [[unscheduled], 'queued', 'Unschedulable', 'Insufficient gpu'],
      [[held('ErrImagePull')], 'starting', 'ImagePull', 'its words'],
      [[held('ImagePullBackOff')], 'starting', 'ImagePull', 'its words'],
      [[held('CreateContainerConfigError')], 'starting', 'ContainerConfig', 'its words'],
      [[held('ContainerCreating')], 'starting', 'NotStarted', 'ContainerCreating'],
      [[podObject({})], 'starting', 'NotStarted', 'node-1'],
    ];
    for (const [pods, at, type, said] of cases) {
      const detail = expect.stringContaining(said);
      expect(progress(START_DEADLINE_MS - 1, pods)).toMatchObject({ at, detail });
      expect(progress(START_DEADLINE_MS, pods)).toMatchObject({
        at: 'stuck',
        failed: { cause: 'start-failed', type, message: detail },
      });
    }
  });

  it('is not given up for a pod that only comes', () => {
    expect(progress(9_999, [])).toMatchObject({ at: 'queued', detail: 'its pod is not there yet' });
  });

  it.each(['InvalidImageName', 'ErrImageNeverPull'])('is given up at once by %s', (reason) => {
    expect(progress(0, [held(reason)])).toMatchObject({
      at: 'stuck',
      failed: { type: 'ImagePull' },
    });
  });

  it('has its time to start anew after its queue let it go, and with another pod', () => {
    const late = START_DEADLINE_MS + 30_000;
    expect(progress(late, [unscheduled], jobObject({ startedMs: 40_000 }))).toMatchObject({
      at: 'queued',
    });
    const other = podObject({ name: 'pod-2', madeMs: 50_000 });
    expect(progress(late, [other, podObject({ phase: 'Failed' })])).toMatchObject({
      at: 'starting',
    });
  });

  it('waits for another pod when the first was taken from it (F15)', () => {
    const evicted = podObject({ phase: 'Failed', status: { reason: 'Evicted' } });
    expect(progress(20_000, [evicted])).toMatchObject({
      at: 'queued',
      detail: expect.stringMatching(/evicted.*another one is coming/),
    });
  });

  it('runs on a node, however long', () => {
    const pod = podObject({ phase: 'Running', state: running(1000) });
    expect(progress(10 * START_DEADLINE_MS, [pod])).toEqual({
      at: 'running',
      node: 'node-1',
      sinceMs: NOW + 1000,
      log: { pod: 'pod-1', container: 'main' },
    });
  });

  it('with an image of a team runs container by container, and may be held up between them', () => {
    const at = (train: ReturnType<typeof waiting>) =>
      podObject({ init: { prepare: terminated(0), train }, state: waiting('PodInitializing') });
    expect(progress(5000, [at(running(4500))])).toMatchObject({ log: { container: 'train' } });
    expect(progress(5 * START_DEADLINE_MS, [at(waiting('PodInitializing'))])).toMatchObject({
      at: 'starting',
    });
    const pull = at(waiting('ImagePullBackOff'));
    expect(progress(START_DEADLINE_MS + 3_999, [pull])).toMatchObject({ at: 'starting' });
    expect(progress(START_DEADLINE_MS + 4_000, [pull])).toMatchObject({
      at: 'stuck',
      failed: { type: 'ImagePull' },
    });
  });

  it('is being deleted until it is gone', () => {
    expect(progress(0, [], jobObject({ deleting: true }))).toMatchObject({
      detail: 'it is being deleted',
    });
  });

  it('is lost with its node, when nothing ends its pod there (F15)', () => {
    const lost = (reason: string) =>
      podObject({
        phase: 'Running',
        state: running(),
        deletingMs: 30_000,
        conditions: [{ type: 'DisruptionTarget', reason }],
      });
    expect(progress(90_000, [lost('DeletionByTaintManager')])).toMatchObject({ at: 'running' });
    expect(progress(90_001, [lost('DeletionByTaintManager')])).toMatchObject({
      failed: { cause: 'disrupted', type: 'NodeLost', message: expect.stringContaining('node-1') },
    });
    const stuck = podObject({ phase: 'Running', state: running(), deletingMs: 30_000 });
    expect(progress(90_001, [stuck])).toMatchObject({
      failed: { cause: 'disrupted', type: 'PodStuck' },
    });
  });
});

describe('a Job that lacks its pod', () => {
  const refused = (type: Refusal['type'], afterMs = 0): Refusal => ({
    type,
    words: 'its words',
    atMs: NOW + afterMs,
  });
  const evicted = podObject({
    phase: 'Failed',
    madeMs: 30_000,
    status: { reason: 'Evicted' },
  });

  it.each<[Refusal['type'], RegExp]>([
    ['Quota', /^no pod is made for it: a quota of namespace ml is used up: its words$/],
    ['Admission', /^no pod is made for it: an admission of namespace ml refuses it: its words$/],
    ['NoPod', /^no pod is made for it: its words$/],
  ])('is told with what refuses it, and by name %s when that took too long (F15)', (type, said) => {
    const wait = progress(START_DEADLINE_MS - 1, [], JOB, refused(type));
    expect(wait).toMatchObject({ at: 'queued', detail: expect.stringMatching(said) });
    expect(progress(START_DEADLINE_MS, [], JOB, refused(type))).toMatchObject({
      at: 'stuck',
      failed: { cause: 'start-failed', type, message: expect.stringMatching(/: its words$/) },
    });
  });

  it('is told so too when it had one that was taken from it (F15)', () => {
    expect(progress(50_000, [evicted], JOB, refused('Quota', 45_000))).toMatchObject({
      detail: expect.stringContaining('a quota of namespace ml is used up'),
    });
  });

  it('is not told what refused a pod before the last one came', () => {
    expect(progress(50_000, [evicted], JOB, refused('Quota', 29_000))).toMatchObject({
      detail: expect.stringContaining('another one is coming'),
    });
    const released = jobObject({ startedMs: 20_000 });
    expect(progress(50_000, [], released, refused('Quota', 19_000))).toMatchObject({
      detail: expect.stringContaining('kubectl describe job job-1 -n ml'),
    });
  });

  it('is one whose pod is overdue, and no other', () => {
    const lacks = (afterMs: number, pods: V1Pod[], job = JOB): boolean =>
      lacksPod({ job, pods: podsOfJob(pods, 'job-uid') }, NOW + afterMs);
    expect(lacks(9_999, [])).toBe(false);
    expect(lacks(10_000, [])).toBe(true);
    expect(lacks(10_000, [], jobObject({ suspend: true }))).toBe(false);
    expect(lacks(10_000, [], jobObject({ deleting: true }))).toBe(false);
    expect(lacks(50_000, [podObject({})])).toBe(false);
    expect(lacks(39_999, [evicted])).toBe(false);
    expect(lacks(40_000, [evicted])).toBe(true);
  });
});

describe('what is told of it', () => {
  const at = {
    at: 'running',
    node: 'node-1',
    sinceMs: NOW,
    log: { pod: 'p', container: 'main' },
  } as const;
  const say = (tail: string, afterMs: number) =>
    sayProgress(at, { namespace: 'ml', tail, nowMs: NOW + afterMs });

  it('is where it runs, and what it printed last (R12)', () => {
    expect(say('one\ntwo  \n', 12_000)).toEqual({
      phase: 'running',
      detail: 'for 12 s on node node-1, namespace ml: two',
    });
    expect(say('x'.repeat(300), 0).detail).toHaveLength(
      'for 0 s on node node-1, namespace ml: '.length + 200,
    );
  });

  it('is that it starts while it has printed nothing, for some seconds', () => {
    expect(say('', 9_999)).toMatchObject({ phase: 'starting' });
    expect(say('', 10_000)).toMatchObject({ phase: 'running' });
  });

  it('is what was read before, for as long as nothing says that it changed', () => {
    const look = { atMs: NOW };
    expect(isFresh(look, 'unchanged', NOW + 9_999)).toBe(true);
    expect(isFresh(look, 'unchanged', NOW + 10_000)).toBe(false);
    expect(isFresh(look, 'changed', NOW + 250)).toBe(false);
    expect(isFresh(look, 'unknown', NOW + 1_999)).toBe(true);
    expect(isFresh(look, 'unknown', NOW + 2_000)).toBe(false);
  });

  it('is what its events said before, for a minute', () => {
    const wanted = { refusal: true, preemption: false };
    const events = { wanted, refusal: undefined, atMs: NOW };
    expect(areFresh(events, wanted, NOW + 59_999)).toBe(true);
    expect(areFresh(events, wanted, NOW + 60_000)).toBe(false);
    expect(areFresh(events, { refusal: true, preemption: true }, NOW)).toBe(false);
    expect(areFresh(events, { refusal: false, preemption: true }, NOW)).toBe(false);
  });

  it('has a log that is read every few seconds, and sooner until there is one', () => {
    const look = { name: 'job-1', resourceVersion: '1', progress: at, atMs: NOW, tailAtMs: NOW };
    expect(wantsTail({ ...look, tail: '' }, NOW + 500)).toBe(true);
    const silent = { ...look, tail: '', tailAtMs: NOW + 10_000 };
    expect(wantsTail(silent, NOW + 14_999)).toBe(false);
    expect(wantsTail({ ...look, tail: 'x' }, NOW + 4_999)).toBe(false);
    expect(wantsTail({ ...look, tail: 'x' }, NOW + 5_000)).toBe(true);
    const queued = { at: 'queued', detail: '' } as const;
    expect(wantsTail({ ...look, tail: '', progress: queued }, NOW + 5_000)).toBe(false);
  });
});
