import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { podsOfJob } from '../../../../activities/compute/kubernetes/pods.js';
import { lastPreemptionMs } from '../../../../activities/compute/kubernetes/preemption.js';
import { lostPod, progressOf } from '../../../../activities/compute/kubernetes/progress.js';
import { jobObject, podObject, running } from './objects.js';
import { NOW } from './settings.js';

const START_DEADLINE_MS = 60_000;
const HOUR_MS = 3_600_000;
const at = (ms: number): Date => new Date(NOW + ms);

/** A Job that started at NOW and had a pod until an hour later, when the controller counted none. */
function lost(countedMs = HOUR_MS, subresource = 'status'): V1Job {
  const job = jobObject({ startedMs: 0 });
  const managedFields = [{ time: at(0) }, { time: at(countedMs), subresource }];
  Object.assign(job.metadata ?? {}, { managedFields });
  return job;
}

const progress = (afterMs: number, pods: V1Pod[], job: V1Job, preemptedMs?: number) =>
  progressOf(
    {
      job,
      pods: podsOfJob(pods, 'job-uid'),
      refusal: undefined,
      preemptedAtMs: preemptedMs === undefined ? undefined : NOW + preemptedMs,
    },
    { nowMs: NOW + afterMs, startDeadlineMs: START_DEADLINE_MS, lostAfterMs: 60_000 },
  );

const unscheduled = podObject({
  name: 'pod-2',
  madeMs: HOUR_MS + 10_000,
  conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes: Insufficient cpu' }],
});

describe('a Job whose pod was taken from it and is gone', () => {
  it('waits for the next one from that moment on, however long it ran (F15)', () => {
    expect(progress(HOUR_MS + 9_999, [], lost())).toMatchObject({
      at: 'queued',
      detail: 'its pod is not there yet',
    });
    expect(progress(HOUR_MS + START_DEADLINE_MS - 1, [], lost())).toMatchObject({ at: 'queued' });
    expect(progress(HOUR_MS + START_DEADLINE_MS, [], lost())).toMatchObject({
      at: 'stuck',
      failed: { cause: 'start-failed', type: 'NoPod' },
    });
  });

  it('is not one whose status was only begun, or changed by others', () => {
    for (const job of [lost(9_999), lost(START_DEADLINE_MS, '')])
      expect(progress(START_DEADLINE_MS, [], job)).toMatchObject({ at: 'stuck' });
  });

  it('says that it was preempted while it waits for room, which costs no attempt (R12, F15)', () => {
    const said = 'its pod was preempted by a pod of higher priority; ';
    expect(progress(HOUR_MS + 1, [], lost(), HOUR_MS - 30_000)).toMatchObject({
      at: 'queued',
      detail: `${said}its pod is not there yet`,
    });
    expect(progress(HOUR_MS + 20_000, [unscheduled], lost(), HOUR_MS)).toMatchObject({
      at: 'queued',
      detail: `${said}no node takes its pod: 0/3 nodes: Insufficient cpu`,
    });
    const late = HOUR_MS + 10_000 + START_DEADLINE_MS;
    expect(progress(late, [unscheduled], lost(), HOUR_MS)).toMatchObject({
      at: 'stuck',
      failed: {
        cause: 'disrupted',
        type: 'Preempted',
        message: expect.stringContaining(`did not start within 60 s: ${said}no node takes its pod`),
      },
    });
  });

  it('is not preempted for one that it lost long before', () => {
    expect(progress(HOUR_MS + 20_000, [unscheduled], lost(), 0)).toMatchObject({
      detail: expect.stringMatching(/^no node takes its pod/),
    });
  });

  it('is one of which something may be told: it had a pod before, and has none that began', () => {
    const is = (afterMs: number, pods: V1Pod[], job = lost()): boolean =>
      lostPod({ job, pods: podsOfJob(pods, 'job-uid') }, NOW + afterMs);
    expect(is(HOUR_MS + 2_999, [])).toBe(false);
    expect(is(HOUR_MS + 3_000, [])).toBe(true);
    expect(is(HOUR_MS + 10_000, [unscheduled])).toBe(true);
    const next = podObject({ madeMs: HOUR_MS + 10_000, phase: 'Running', state: running(HOUR_MS) });
    expect(is(2 * HOUR_MS, [next])).toBe(false);
    expect(is(HOUR_MS, [podObject({})], jobObject({ startedMs: 0 }))).toBe(false);
    expect(is(HOUR_MS, [], jobObject({ suspend: true }))).toBe(false);
  });
});

describe('the events of a namespace', () => {
  const event = (pod: string, times: Partial<CoreV1Event>): CoreV1Event => ({
    metadata: { creationTimestamp: at(1) },
    involvedObject: { name: pod },
    reason: 'Preempted',
    ...times,
  });

  it("say when a Job's pod was preempted last, and nothing of another's", () => {
    const events = [
      event('job-1-abc12', { lastTimestamp: at(5) }),
      event('job-1-x9y8z', {}),
      event('job-1-more-abc12', { lastTimestamp: at(9) }),
      event('job-10-abc12', { lastTimestamp: at(9) }),
    ];
    expect(lastPreemptionMs(events, 'job-1')).toBe(NOW + 5);
    expect(lastPreemptionMs([event('job-1-abc12', {})], 'job-1')).toBe(NOW + 1);
    expect(lastPreemptionMs(events, 'job-2')).toBeUndefined();
  });
});
