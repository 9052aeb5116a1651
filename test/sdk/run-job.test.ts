import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { RunView, Stage } from '../../temporal/contracts/runs.js';
import { jobStanding, runsJob } from '../../sdk/run-job.js';
import { runStatus, type Execution } from '../../sdk/run-status.js';

type Pending = NonNullable<Parameters<typeof jobStanding>[0]>[number];

const QUEUED = 'queued: no node takes its pod: 0/3 nodes are available';
const BEAT = { uid: 'ns/1', standing: QUEUED };
const WENT_ON = { message: 'job churn-train-1 still running: for 4 s', type: 'JobRunning' };
const REFUSED = { message: 'the apiserver does not answer', type: 'ComputeUnavailable' };

/** A look at a job that is under way, as Temporal tells of it. */
function look(said: unknown, failed?: { message: string; type: string }, name = 'runJob'): Pending {
  const payload = defaultPayloadConverter.toPayload(said);
  return {
    activityType: { name },
    ...(said !== undefined && { heartbeatDetails: { payloads: [payload] } }),
    ...(failed && {
      lastFailure: { message: failed.message, applicationFailureInfo: { type: failed.type } },
    }),
  };
}

describe('where a job stands', () => {
  it.each<[string, Pending[] | null, string | undefined]>([
    ['nothing, when nothing is under way', [], undefined],
    ['nothing, when Temporal does not say what is', null, undefined],
    ['nothing, when something else is under way', [look(BEAT, REFUSED, 'closeRun')], undefined],
    ['nothing, before it was looked at', [look(undefined)], undefined],
    ['nothing, while only its uid is known', [look({ uid: 'ns/1' })], undefined],
    ['what the look said', [look(undefined, undefined, 'closeRun'), look(BEAT)], QUEUED],
    ['what the last look said, between two', [look(BEAT, WENT_ON)], QUEUED],
    [
      'how the last look ended, which said nothing else',
      [look(undefined, WENT_ON)],
      WENT_ON.message,
    ],
    ['how a look failed that found no job yet', [look(undefined, REFUSED)], REFUSED.message],
    [
      'both, when a look failed after one that found it',
      [look(BEAT, REFUSED)],
      `${QUEUED}; the last look failed: ${REFUSED.message}`,
    ],
    ['nothing of what another release said', [look('running: for 4 s')], undefined],
  ])('is %s', (_, pending, told) => {
    expect(jobStanding(pending)).toBe(told);
  });

  it('is nothing of what cannot be read', () => {
    const encrypted = { metadata: { encoding: Buffer.from('binary/encrypted') } };
    const pending = { ...look(BEAT), heartbeatDetails: { payloads: [encrypted] } };
    expect(jobStanding([pending])).toBeUndefined();
  });
});

describe("a run's status", () => {
  const execution: Execution = {
    workflowId: 'retrain/churn/key',
    startTime: new Date(0),
    historyLength: 9,
    status: { name: 'RUNNING' },
    standing: QUEUED,
  };
  const view = (...stages: Stage[]): RunView => ({
    ...{ kind: 'retrain', tag: 'churn', stage: 'training', stages },
    ...{ gate: null, committed: null, rolloutWorkflowId: null },
  });
  const detailsIn = (...stages: Stage[]) =>
    runStatus('retrain', execution, view(...stages)).stages.map(({ detail }) => detail);

  it('says of the stage whose job is under way where that stands', () => {
    expect(
      detailsIn(
        { name: 'admission', state: 'done' },
        { name: 'training', state: 'running' },
        { name: 'evaluation', state: 'pending' },
      ),
    ).toEqual([undefined, QUEUED, undefined]);
  });

  it('says it after what the stage says of an attempt before', () => {
    expect(detailsIn({ name: 'training', state: 'running', detail: 'namespace ml' })).toEqual([
      `namespace ml; ${QUEUED}`,
    ]);
  });

  it('leaves a stage alone that runs no job, or none any more', () => {
    expect(
      detailsIn({ name: 'registration', state: 'running' }, { name: 'training', state: 'done' }),
    ).toEqual([undefined, undefined]);
  });

  it('needs a look at the job only while one of its stages runs one', () => {
    expect(runsJob(view({ name: 'evaluation', state: 'running' }))).toBe(true);
    expect(
      runsJob(view({ name: 'training', state: 'done' }, { name: 'gate', state: 'running' })),
    ).toBe(false);
  });
});
