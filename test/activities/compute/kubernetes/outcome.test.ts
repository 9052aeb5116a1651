import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { outcomeOf, terminalCondition } from '../../../../activities/compute/kubernetes/outcome.js';
import { podsOfJob } from '../../../../activities/compute/kubernetes/pods.js';
import { readTermination } from '../../../../activities/compute/kubernetes/termination.js';
import { afterFailure } from '../../../../workflows/policy/attempts.js';
import { jobObject, podObject, terminated } from './objects.js';

const COMPLETE = jobObject({ conditions: [{ type: 'SuccessCriteriaMet' }, { type: 'Complete' }] });
const failedBy = (reason: string) =>
  jobObject({
    conditions: [
      { type: 'FailureTarget', reason },
      { type: 'Failed', reason, message: 'said by Kubernetes' },
    ],
  });
const FAILED = failedBy('BackoffLimitExceeded');
const outcome = (job: typeof COMPLETE, ...pods: V1Pod[]) =>
  outcomeOf(job, podsOfJob(pods, 'job-uid'));
const ended = (exitCode: number, message?: string, reason?: string) =>
  podObject({ phase: 'Failed', state: terminated(exitCode, message, reason) });
const RESULT = '{"result":{"step":"train"}}';
const SHA = 'ef'.repeat(32);
const FAILURE = { type: 'ValueError', message: 'no such column', traceback: 'Traceback …' };

describe('the end of a Job', () => {
  it.each([
    ['none', undefined, {}],
    ['decided, pods going', undefined, { conditions: [{ type: 'FailureTarget' }] }],
    ['successful, pods going', undefined, { conditions: [{ type: 'SuccessCriteriaMet' }] }],
    [
      'a condition that is not true',
      undefined,
      { conditions: [{ type: 'Failed', status: 'False' }] },
    ],
    ['complete', 'Complete', { conditions: [{ type: 'Complete' }] }],
    ['failed', 'Failed', { conditions: [{ type: 'Failed' }] }],
  ])('is only told by its last condition: %s', (_what, expected, of) => {
    expect(terminalCondition(jobObject(of))).toBe(expected);
  });

  it('is the result in the termination message, or where that is', () => {
    const pod = (message: string) =>
      podObject({ phase: 'Succeeded', state: terminated(0, message) });
    expect(outcome(COMPLETE, pod(`${RESULT}\n`))).toEqual({
      succeeded: { result: { step: 'train' } },
    });
    const resultAt = { uri: 'mlflow-artifacts:/jobs/job-1/pod/result.json', sha256: SHA };
    expect(outcome(COMPLETE, pod(JSON.stringify({ resultAt })))).toEqual({
      succeeded: { resultAt },
    });
  });

  it.each([
    ['nothing', undefined, 'got nothing'],
    ['text', 'bye', 'got "bye"'],
    ['a cut-off line', '{"result": {', 'got "{'],
    ['a failure', JSON.stringify({ failure: FAILURE }), 'expected a result'],
  ])('is a bad result when a pod that ended well says %s', (_what, message, said) => {
    const pod = podObject({ phase: 'Succeeded', state: terminated(0, message, 'Completed') });
    expect(outcome(COMPLETE, pod)).toMatchObject({
      failed: { cause: 'bad-result', exitCode: 0, message: expect.stringContaining(said) },
    });
  });

  it('is a disruption when its pod was removed before anybody read it', () => {
    expect(outcome(COMPLETE)).toMatchObject({ failed: { cause: 'disrupted', type: 'ResultLost' } });
  });

  it("is the completed pod's when two ran, and never another Job's (F16)", () => {
    const one = podObject({
      name: 'one',
      madeMs: 5000,
      phase: 'Failed',
      state: terminated(0, '{"result":{"step":"other"}}'),
      conditions: [{ type: 'DisruptionTarget' }],
    });
    const two = podObject({ name: 'two', phase: 'Succeeded', state: terminated(0, RESULT) });
    const stranger = podObject({ owner: 'x', phase: 'Succeeded', state: terminated(0, '{}') });
    expect(outcome(COMPLETE, one, two, stranger)).toEqual({
      succeeded: { result: { step: 'train' } },
    });
  });

  it("is the user's exception, with its words", () => {
    expect(
      outcome(failedBy('PodFailurePolicy'), ended(70, JSON.stringify({ failure: FAILURE }))),
    ).toEqual({
      failed: {
        cause: 'user-error',
        exitCode: 70,
        signal: null,
        ...FAILURE,
        logAt: { pod: 'pod-1', container: 'main' },
      },
    });
    const failureAt = { uri: 'mlflow-artifacts:/jobs/job-1/p/failure.json', sha256: SHA };
    expect(outcome(FAILED, ended(70, JSON.stringify({ failureAt })))).toMatchObject({
      failed: { cause: 'user-error', failureAt },
    });
  });

  it.each([
    [64, 'user-error', 'UserError'],
    [79, 'user-error', 'UserError'],
    [75, 'temporary', 'Temporary'],
    [76, 'integrity', 'Integrity'],
    [127, 'start-failed', 'StartFailed'],
    [137, 'out-of-memory', 'OutOfMemory'],
    [143, 'interrupted', 'Interrupted'],
    [1, 'crashed', 'Crashed'],
  ])('by exit code %i is %s', (code, cause, type) => {
    expect(outcome(FAILED, ended(code, RESULT))).toMatchObject({
      failed: { cause, type, exitCode: code, message: expect.stringContaining('after 3.0 s') },
    });
  });

  it('is named by what Kubernetes says of the pod (F15)', () => {
    const pod = (of: Parameters<typeof podObject>[0]) => podObject({ phase: 'Failed', ...of });
    const cases: [V1Pod, string, string][] = [
      [ended(137, undefined, 'OOMKilled'), 'out-of-memory', 'OutOfMemory'],
      // A process of the program was killed, and the program gave up by itself.
      [ended(1, undefined, 'OOMKilled'), 'out-of-memory', 'OutOfMemory'],
      [pod({ status: { reason: 'Evicted', message: 'low on memory' } }), 'disrupted', 'Evicted'],
      [
        pod({ conditions: [{ type: 'DisruptionTarget', reason: 'PreemptionByScheduler' }] }),
        'disrupted',
        'Preempted',
      ],
      [
        pod({ conditions: [{ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }] }),
        'disrupted',
        'NodeLost',
      ],
      [
        pod({ conditions: [{ type: 'DisruptionTarget', reason: 'New' }] }),
        'disrupted',
        'Disrupted',
      ],
      [ended(137, '', 'ContainerStatusUnknown'), 'disrupted', 'NodeLost'],
      [pod({ status: { reason: 'DeadlineExceeded' } }), 'deadline', 'Deadline'],
      [ended(128, 'no such file', 'StartError'), 'start-failed', 'ContainerConfig'],
      [pod({ status: { reason: 'OutOfcpu', message: 'no room' } }), 'start-failed', 'OutOfcpu'],
    ];
    for (const [of, cause, type] of cases)
      expect(outcome(FAILED, of)).toMatchObject({ failed: { cause, type } });
  });

  it("is the Job's deadline, whatever the pod says that was ended by it (F17)", () => {
    expect(outcome(failedBy('DeadlineExceeded'), ended(143))).toMatchObject({
      failed: { cause: 'deadline', type: 'Deadline' },
    });
  });

  it('is a disruption when somebody deleted its pod (F15)', () => {
    expect(outcome(FAILED)).toMatchObject({
      failed: {
        cause: 'disrupted',
        type: 'PodDeleted',
        message: expect.stringContaining('said by'),
      },
    });
  });

  it("is that of a team's image, in the job contract's codes", () => {
    const image = (exitCode: number, message?: string) =>
      podObject({
        phase: 'Failed',
        state: { waiting: { reason: 'PodInitializing' } },
        init: { prepare: terminated(0, '{"result":{}}'), train: terminated(exitCode, message) },
      });
    expect(outcome(FAILED, image(65, 'some text'))).toMatchObject({
      failed: {
        cause: 'user-error',
        type: 'ImageFailed',
        exitCode: 65,
        logAt: { container: 'train' },
      },
    });
    expect(outcome(FAILED, image(75, JSON.stringify({ failure: FAILURE })))).toMatchObject({
      failed: { cause: 'temporary', type: 'ValueError' },
    });
  });
});

describe('what follows from an end (F15, F17)', () => {
  const spent = { attempts: 1, maxAttempts: 3, disruptions: 0 };
  const pod = (of: Parameters<typeof podObject>[0]) => podObject({ phase: 'Failed', ...of });
  it.each([
    ['evicted', FAILED, [pod({ status: { reason: 'Evicted' } })], 'free'],
    ['deleted by hand', FAILED, [], 'free'],
    ['its result lost with its pod', COMPLETE, [], 'free'],
    ['out of memory', FAILED, [ended(137, '', 'OOMKilled')], 'counted'],
    ['not startable', FAILED, [ended(128, '', 'StartError')], 'counted'],
    ['asking for another try', FAILED, [ended(75)], 'counted'],
    ['over its time', failedBy('DeadlineExceeded'), [], 'none'],
    ["the user's fault", failedBy('PodFailurePolicy'), [ended(70)], 'none'],
  ])('is for one that was %s a retry of the right kind', (_what, job, pods, retry) => {
    const seen = outcome(job, ...pods);
    if (!('failed' in seen)) throw new Error('expected a failure');
    const decided = afterFailure({ ...seen.failed, logTail: '' }, spent);
    const kind = decided.next === 'fail' ? 'none' : decided.counts ? 'counted' : 'free';
    expect(kind).toBe(retry);
  });
});

describe('a termination message', () => {
  it.each([
    undefined,
    '',
    'null',
    '[]',
    '{"result": 3}',
    '{"resultAt": {"uri": "x", "sha256": "short"}}',
    '{"result": {}, "failure": {"type": "a", "message": "b"}}',
  ])('is none when it is %j', (text) => {
    expect(readTermination(text)).toBeUndefined();
  });
});
