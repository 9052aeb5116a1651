import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEnd } from '../../activities/compute/activities.js';
import type { JobBeat } from '../../temporal/contracts/job.js';
import { startRetrain } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorldApart, type WorldApart } from './support/world-apart.js';
import { unique, until, type World } from './support/world.js';

let apart: WorldApart;
let world: World;
beforeAll(async () => {
  apart = await startWorldApart();
  world = apart.world;
}, 600_000);
afterAll(() => apart[Symbol.asyncDispose]());

/** What the server keeps for the next try of the run's job. */
async function beatOf(run: WorkflowHandle): Promise<JobBeat | undefined> {
  const { raw } = await run.describe();
  const [beat] = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
  return beat && defaultPayloadConverter.fromPayload<JobBeat>(beat);
}

/** What was told of each of the run's jobs that ended. */
async function endsOf(run: WorkflowHandle): Promise<string[]> {
  const { events } = await run.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: completed }) => {
    const [result] = completed?.result?.payloads ?? [];
    const end = result && defaultPayloadConverter.fromPayload<Partial<JobEnd> | null>(result);
    if (end?.ended === undefined) return [];
    return [end.ended === 'failed' ? (end.failure?.type ?? '') : end.ended];
  });
}

describe('a job that is deleted by hand', () => {
  it('F1 F15 while no worker lives is missed by the next one and tried again under another name', async () => {
    const first = await apart.working();
    const tag = new TagOnServer(world, unique('deleted'));
    await tag.define();
    world.compute.outcome = () => 'runs';
    const run = await startRetrain(world, tag.tag, { params: { quality: 0.7 } });
    const beat = await until(
      () => beatOf(run),
      (said) => said?.uid !== undefined,
    );
    const [job = ''] = world.compute.begun;
    expect(beat?.uid).toBe(job);

    first.kill();
    await first.ended;
    world.compute.jobs.delete(job);
    world.compute.outcome = () => 'succeeds';
    const second = await apart.working();
    try {
      expect(await run.result()).toMatchObject({ modelId: `${tag.tag}/1` });
    } finally {
      second.kill();
      await second.ended;
    }
    expect(await endsOf(run)).toEqual(['JobVanished', 'succeeded', 'succeeded']);
    const { begun } = world.compute;
    expect(begun).toHaveLength(3);
    expect(new Set(begun).size).toBe(3);
  }, 120_000);
});
