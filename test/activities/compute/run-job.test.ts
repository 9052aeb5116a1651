import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createComputeActivities } from '../../../activities/compute/activities.js';
import { MemoryCompute } from '../../workflows/support/compute.js';
import { standInJob } from './stand-in-job.js';

const job = standInJob({}, '/nowhere', {});

let compute: MemoryCompute;
beforeEach(() => {
  compute = new MemoryCompute();
  compute.outcome = () => 'runs';
});

/** One try, after one that heartbeated `details`: how it ended, and what it heartbeated itself. */
async function tried(attempt: number, details?: unknown) {
  const environment = new MockActivityEnvironment({ attempt, heartbeatDetails: details });
  const beats: unknown[] = [];
  environment.on('heartbeat', (said: unknown) => beats.push(said));
  const activities = createComputeActivities({ compute });
  const run = () => activities.runJob(job);
  const end: unknown = await environment.run(run).catch((error: unknown) => error);
  return { end, beats };
}

const STANDING = { uid: job.name, standing: 'running: running' };

describe('a try of running a job', () => {
  it('heartbeats at once which job it is, and last where it stands (F1)', async () => {
    const { end, beats } = await tried(1);
    expect(end).toMatchObject({ type: 'JobRunning', nonRetryable: false });
    expect([beats[0], beats.at(-1)]).toEqual([{ uid: job.name }, STANDING]);
  });

  it('keeps what was said last and where the job is, until it has looked itself (F1)', async () => {
    const before = { uid: job.name, placement: 'namespace ml', standing: 'queued: behind another' };
    await compute.ensure(job);
    const { beats } = await tried(2, before);
    expect([beats[0], beats.at(-1)]).toEqual([before, { ...STANDING, placement: 'namespace ml' }]);
  });

  it('begins no job again that an earlier one saw, also when its answer was lost (F1, F15)', async () => {
    for (const attempt of [2, 3])
      expect((await tried(attempt, STANDING)).end).toMatchObject({
        ended: 'failed',
        failure: { cause: 'disrupted', type: 'JobVanished' },
      });
    expect(compute.begun).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['what another release said', 'running: for 4 s'],
  ])('begins it when the one before told %s (F2)', async (_, details) => {
    compute.outcome = () => 'crashed';
    await tried(2, details);
    expect(compute.begun).toEqual([job.name]);
  });
});
