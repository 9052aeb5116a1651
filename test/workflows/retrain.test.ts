import { type WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import type { RolloutResult } from '../../temporal/contracts/runs.js';
import { failure } from '../../temporal/errors.js';
import { runView } from '../../temporal/messages.js';
import { REGISTRY_TAGS } from '../../temporal/names.js';
import { refusedWith } from '../../testing/refusals.js';
import { UNMEASURABLE } from './support/compute.js';
import { inStage, startRetrain, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const gate = (autoPromote: boolean): ModelDefinition['gate'] => ({
  metrics: [{ name: 'auc', direction: 'higher', threshold: 0.6, minImprovement: 0.01 }],
  autoPromote,
});

async function definedTag(over: Partial<ModelDefinition> = {}): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('model'));
  await tag.define({ gate: gate(true), ...over });
  return tag;
}

/** Retrains to a model of this quality, and waits for the rollout it was handed to. */
async function retrained(tag: TagOnServer, quality: number) {
  const run = await startRetrain(world, tag.tag, { params: { quality } });
  const result = await run.result();
  const rollout =
    result.rolloutWorkflowId === null
      ? null
      : await world.client.workflow
          .getHandle<() => Promise<RolloutResult>>(result.rolloutWorkflowId)
          .result();
  return { run, result, rollout };
}

describe('a retrain', () => {
  it('R9 hands a better candidate to a rollout that puts it in place, and records every step', async () => {
    const tag = await definedTag();
    const { result, rollout } = await retrained(tag, 0.7);
    expect(result).toMatchObject({
      decision: 'promoted',
      modelId: `${tag.tag}/1`,
      incumbent: null,
    });
    expect(rollout).toMatchObject({ outcome: 'promoted', modelId: `${tag.tag}/1` });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, rollout: null });
    expect(world.hosting.modelsOf(tag.tag)).toEqual([`${tag.tag}/1`]);
    expect(world.registry.runsOf(tag.tag)).toMatchObject([
      { status: 'FINISHED', tags: { [REGISTRY_TAGS.decision]: 'promoted' } },
    ]);
  });

  it('R12 records where its jobs went, in its status and its MLflow run', async () => {
    const tag = await definedTag({ gate: gate(false) });
    world.compute.placement = 'namespace ml';
    try {
      const { run } = await retrained(tag, 0.7);
      const { stages } = await run.query(runView);
      const placed = stages.filter(({ detail }) => detail === 'namespace ml');
      expect(placed.map(({ name }) => name)).toEqual(['training', 'evaluation']);
    } finally {
      world.compute.placement = undefined;
    }
    expect(world.registry.runsOf(tag.tag)).toMatchObject([
      { tags: { [REGISTRY_TAGS.placement]: 'namespace ml' } },
    ]);
  });

  it('R9 leaves the live model in its place when the candidate is not better', async () => {
    const tag = await definedTag();
    await retrained(tag, 0.7);
    const { run, result } = await retrained(tag, 0.7);
    expect(result).toMatchObject({
      ...{ decision: 'not-better', modelId: `${tag.tag}/2`, incumbent: `${tag.tag}/1` },
      ...{ rolloutWorkflowId: null },
    });
    expect(await tag.status()).toMatchObject({
      live: `${tag.tag}/1`,
      lastRun: { workflowId: run.workflowId, decision: 'not-better' },
    });
  });

  it('R9 keeps a better candidate on record where promotion is left to a person', async () => {
    const tag = await definedTag({ gate: gate(false) });
    const { result } = await retrained(tag, 0.7);
    expect(result).toMatchObject({ decision: 'better-not-promoted', modelId: `${tag.tag}/1` });
    expect((await tag.status()).live).toBeNull();
  });

  it('F21 fails at the gate when nothing could be measured, and promotes nothing', async () => {
    const tag = await definedTag();
    const run = await startRetrain(world, tag.tag, { params: { quality: UNMEASURABLE } });
    expect(await refusedWith('GateError', run.result())).toMatchObject({ stage: 'gate' });
    expect(world.registry.runsOf(tag.tag)).toMatchObject([{ status: 'FAILED' }]);
    expect((await tag.status()).live).toBeNull();
  });

  it("fails with the user's own error after one attempt, and closes its record", async () => {
    const tag = await definedTag();
    world.compute.outcome = (job) => (job.tag === tag.tag ? 'user-error' : 'succeeds');
    const run = await startRetrain(world, tag.tag);
    const details = await refusedWith('JobFailed', run.result());
    expect(details).toMatchObject({ stage: 'training', cause: 'user-error', type: 'ValueError' });
    expect(world.compute.jobsOf(run.workflowId, 'train')).toHaveLength(1);
    expect(world.registry.runsOf(tag.tag)).toMatchObject([{ status: 'FAILED' }]);
    expect(await tag.status()).toMatchObject({
      lastRun: { workflowId: run.workflowId, decision: null },
    });
    world.compute.outcome = () => 'succeeds';
  });

  it('F15 makes another job after a crash, a disruption costs no attempt, and each has a name of its own', async () => {
    const tag = await definedTag();
    const ends = ['disrupted', 'crashed', 'disrupted', 'crashed'] as const;
    world.compute.outcome = (job, attempt) =>
      job.tag === tag.tag && job.program.step === 'train'
        ? (ends[attempt - 1] ?? 'succeeds')
        : 'succeeds';
    const { run, result } = await retrained(tag, 0.7);
    expect(result.decision).toBe('promoted');
    expect(world.compute.jobsOf(run.workflowId, 'train')).toHaveLength(5);
    expect(world.registry.versionsOf(tag.tag)).toHaveLength(1);
    world.compute.outcome = () => 'succeeds';
  });

  it('F33 that is cancelled while it trains leaves no job behind, and its record says so', async () => {
    const tag = await definedTag();
    world.compute.outcome = (job) => (job.tag === tag.tag ? 'runs' : 'succeeds');
    const run = await startRetrain(world, tag.tag);
    const [job] = await until(
      () => world.compute.jobsOf(run.workflowId, 'train'),
      (jobs) => jobs.length === 1,
    );
    await run.cancel();
    const error = await run.result().catch((said: unknown) => said);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    expect(world.compute.cancelled).toContain(job?.name);
    expect(world.registry.runsOf(tag.tag)).toMatchObject([
      { status: 'KILLED', tags: { [REGISTRY_TAGS.decision]: 'cancelled' } },
    ]);
    world.compute.outcome = () => 'succeeds';
  });

  it('F33 C4 that is cancelled while its record is being opened leaves no open record', async () => {
    const tag = await definedTag();
    const { passed, open } = latch();
    const asked = latch();
    world.registry.fault = (method, name) => {
      if (method !== 'openRun' || name !== tag.tag) return;
      asked.open();
      return passed;
    };
    const run = await startRetrain(world, tag.tag);
    await asked.passed;
    await run.cancel();
    await inStage(run, 'admission');
    open();
    await expect(run.result()).rejects.toThrow();
    await until(
      () => world.registry.runsOf(tag.tag).map(({ status }) => status),
      (statuses) => statuses.join() === 'KILLED',
    );
    world.registry.fault = () => undefined;
  });

  it('goes on when the registry was away for a while', async () => {
    const tag = await definedTag();
    const tries = new Map<string, number>();
    world.registry.fault = (method, name) => {
      const tried = tries.get(method) ?? 0;
      if (name !== tag.tag || tried === 2) return;
      tries.set(method, tried + 1);
      throw failure('RegistryUnavailable', 'nobody answers');
    };
    const { result } = await retrained(tag, 0.7);
    world.registry.fault = () => undefined;
    expect(result.decision).toBe('promoted');
    expect(world.registry.versionsOf(tag.tag)).toHaveLength(1);
    expect(world.registry.runsOf(tag.tag)).toHaveLength(1);
  });

  it('for a tag that nobody defined fails with UnknownTag before anything is made', async () => {
    const tag = unique('nobody');
    const run = await startRetrain(world, tag);
    expect(await refusedWith('UnknownTag', run.result())).toMatchObject({
      stage: 'admission',
      tag,
    });
    expect(world.registry.runsOf(tag)).toEqual([]);
  });

  it('U8 U4 is judged again when the live model changed under it, and then stands back', async () => {
    const tag = await definedTag();
    await retrained(tag, 0.65);
    world.compute.outcome = (job) =>
      job.tag === tag.tag && job.program.step === 'evaluate' ? 'runs' : 'succeeds';
    const slow = await startRetrain(world, tag.tag, { params: { quality: 0.7 } });
    await inStage(slow, 'evaluation');
    const better = await startRetrain(world, tag.tag, { params: { quality: 0.9 } });
    await inStage(better, 'evaluation');
    world.compute.outcome = (job) =>
      job.tag === tag.tag && job.program.step === 'evaluate' && job.owner === slow.workflowId
        ? 'runs'
        : 'succeeds';
    expect((await better.result()).decision).toBe('promoted');
    await until(
      () => tag.status(),
      ({ live }) => live === `${tag.tag}/3`,
    );
    world.compute.outcome = () => 'succeeds';
    const { rolloutWorkflowId } = await slow.result();
    const rollout = await world.client.workflow.getHandle(rolloutWorkflowId ?? '').result();
    expect(rollout).toMatchObject({ outcome: 'superseded', entry: null });
    expect((rollout as RolloutResult).reason).toContain(
      `judged again against ${tag.tag}/3: failed`,
    );
    expect((await tag.status()).live).toBe(`${tag.tag}/3`);
  });

  it('promotes by hand what was better and not promoted', async () => {
    const tag = await definedTag({ gate: gate(false) });
    await retrained(tag, 0.7);
    const run = await startRollout(world, tag.tag, { version: 1 });
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
  });
});
