import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import type { ReconcileRequest, ReconcileResult } from '../../temporal/contracts/reconcile.js';
import { reconcileWorkflowId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { atRest } from './support/at-rest.js';
import { definition, model } from './policy/tag/tags.js';
import { inStage, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(() => {
  world.hosting.observed = () => 'ready';
  world.routing.before = () => undefined;
});

/** A stage of a rollout of version 3: what brings it there, and which version is live once it has been ended there. */
interface Stage {
  over?: Partial<ModelDefinition>;
  reached: (tag: TagOnServer) => Promise<Reached>;
  live: 2 | 3;
}
interface Reached {
  run: WorkflowHandle;
  /** Takes away what held the run in its stage. */
  letGo: () => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();
const rolledOut = (tag: TagOnServer): Promise<WorkflowHandle> =>
  startRollout(world, tag.tag, { version: 3 });

async function waitingForItsTurn(tag: TagOnServer): Promise<Reached> {
  world.hosting.observed = ({ modelId }) => (modelId === `${tag.tag}/4` ? 'starting' : 'ready');
  const holder = await startRollout(world, tag.tag, { version: 4 });
  await inStage(holder, 'host');
  const run = await rolledOut(tag);
  await inStage(run, 'turn', 'waiting');
  const letGo = async (): Promise<void> => {
    await holder.cancel();
    await holder.result().catch(nothing);
  };
  return { run, letGo };
}

async function warmingItsHost(tag: TagOnServer): Promise<Reached> {
  world.hosting.observed = ({ modelId }) => (modelId === `${tag.tag}/3` ? 'starting' : 'ready');
  const run = await rolledOut(tag);
  await inStage(run, 'host');
  return { run, letGo: nothing };
}

async function committing(tag: TagOnServer): Promise<Reached> {
  const { passed, open } = latch();
  const asked = latch();
  world.routing.before = (name) => {
    if (name !== tag.tag) return;
    asked.open();
    return passed;
  };
  const run = await rolledOut(tag);
  await asked.passed;
  const letGo = (): Promise<void> => {
    open();
    return nothing();
  };
  return { run, letGo };
}

const inItself =
  (stage: string, state?: 'waiting') =>
  async (tag: TagOnServer): Promise<Reached> => {
    const run = await rolledOut(tag);
    await inStage(run, stage, state);
    return { run, letGo: nothing };
  };

async function atItsStep(tag: TagOnServer): Promise<Reached> {
  const run = await rolledOut(tag);
  await until(
    () => tag.status(),
    ({ rollout }) => rollout?.weightPercent === 20,
  );
  return { run, letGo: nothing };
}

const STAGES: Record<string, Stage> = {
  turn: { reached: waitingForItsTurn, live: 2 },
  approval: {
    over: { gate: { ...definition.gate, approval: { required: 1 } } },
    reached: inItself('approval', 'waiting'),
    live: 2,
  },
  host: { reached: warmingItsHost, live: 2 },
  canary: {
    over: { rollout: { steps: [{ weightPercent: 20, hold: '1h' }] } },
    reached: atItsStep,
    live: 2,
  },
  commit: { reached: committing, live: 3 },
  watch: { over: { rollout: { watch: '1h' } }, reached: inItself('watch'), live: 3 },
};

/** A tag with version 2 live after 1, and 3 and 4 registered. */
async function tagWithCandidates(over: Partial<ModelDefinition> = {}): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3, 4]) world.registry.add(tag.tag, model(version));
  for (const version of [1, 2]) await (await startRollout(world, tag.tag, { version })).result();
  await tag.define(over);
  return tag;
}

async function reconciled(tag: TagOnServer): Promise<ReconcileResult['findings']> {
  const request: ReconcileRequest = { tag: tag.tag };
  const { findings } = (await world.client.workflow.execute(WORKFLOWS.reconcile, {
    taskQueue: world.taskQueue,
    workflowId: `${reconcileWorkflowId(tag.tag)}/${unique('test')}`,
    args: [request],
  })) as ReconcileResult;
  return findings;
}

/** Nothing of the rollout is left anywhere that a sweep compares: lease, route, hosts, aliases. */
async function expectNothingLeft(tag: TagOnServer, live: 2 | 3): Promise<void> {
  expect(await atRest(tag, 10_000)).toMatchObject({ live: `${tag.tag}/${String(live)}` });
  expect(world.routing.at(tag.tag).route).toEqual({
    live: expect.objectContaining({ modelId: `${tag.tag}/${String(live)}` }) as unknown,
  });
  await until(
    () => world.hosting.modelsOf(tag.tag).filter((id) => Number(id.split('/')[1]) > live),
    (hosts) => hosts.length === 0,
    10_000,
  );
  expect(await reconciled(tag)).toEqual([]);
}

describe.each(Object.entries(STAGES))(
  'a rollout in its stage %s',
  (stage, { over, reached, live }) => {
    it(`F33 that is cancelled in ${stage} leaves nothing behind`, async () => {
      const tag = await tagWithCandidates(over);
      const { run, letGo } = await reached(tag);
      await run.cancel();
      // What waits for its turn and what commits end with what they wait for; the others by themselves.
      await letGo();
      await run.result().catch(nothing);
      await expectNothingLeft(tag, live);
    });

    it(`F33 that is terminated in ${stage} leaves a lease at most, which the next sweep ends with all that hangs on it`, async () => {
      const tag = await tagWithCandidates(over);
      const { run, letGo } = await reached(tag);
      await run.terminate('by a test');
      await letGo();
      await until(
        () => tag.status(),
        ({ serving }) => serving.inSync,
      );
      const found = await reconciled(tag);
      for (const { what, repaired } of found) expect([what, repaired]).toEqual([what, true]);
      expect(found.filter(({ what }) => what.includes('is closed and still holds'))).toHaveLength(
        ['approval', 'host', 'canary'].includes(stage) ? 1 : 0,
      );
      await expectNothingLeft(tag, live);
      // Whoever comes next gets the tag at once.
      await tag.define();
      world.hosting.observed = () => 'ready';
      const next = await startRollout(world, tag.tag, { version: 4 });
      expect(await next.result()).toMatchObject({ outcome: 'promoted' });
    });
  },
);
