import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orphanBookings } from '../../activities/reconcile/bookings.js';
import type {
  Orphan,
  ReconcileRequest,
  ReconcileResult,
} from '../../temporal/contracts/reconcile.js';
import { failure } from '../../temporal/errors.js';
import { hostName, modelId, reconcileWorkflowId, rolloutWorkflowId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { refusedWith } from '../../testing/refusals.js';
import { composeActivities } from '../../workers/compose.js';
import { model } from './policy/tag/tags.js';
import { beginNow, PoolOnServer } from './support/pool.js';
import { inStage, startRetrain, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(() => {
  world.hosting.observed = () => 'ready';
  world.registry.fault = () => undefined;
  beginNow();
});

/** A tag with version 2 live after 1, and 3 registered; MLflow and the journal know all of it. */
async function tagAtRest(): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  for (const version of [1, 2]) await (await startRollout(world, tag.tag, { version })).result();
  await settled(tag);
  return tag;
}

const settled = (tag: TagOnServer) =>
  until(
    () => tag.status(),
    ({ registry, serving }) => registry.inSync && serving.inSync,
  );

async function start(request: ReconcileRequest = {}): Promise<WorkflowHandle> {
  return world.client.workflow.start(WORKFLOWS.reconcile, {
    taskQueue: world.taskQueue,
    workflowId: `${reconcileWorkflowId(request.tag ?? null)}/${unique('test')}`,
    args: [request],
  });
}

async function reconcile(request: ReconcileRequest = {}): Promise<ReconcileResult['findings']> {
  const { findings } = (await (await start(request)).result()) as ReconcileResult;
  return findings;
}

const sweep = async (about: string): Promise<ReconcileResult['findings']> =>
  (await reconcile({ everyMs: 1_000 })).filter(({ tag }) => tag === about);

const hostOf = (tag: TagOnServer, version: number): string =>
  hostName(modelId(tag.tag, version), model(version).digest);

/** A rollout of version 3 that holds the tag, with its host on the way up. */
async function rolloutInFlight(tag: TagOnServer): Promise<WorkflowHandle> {
  world.hosting.observed = ({ modelId: id }) => (id === modelId(tag.tag, 3) ? 'starting' : 'ready');
  const run = await startRollout(world, tag.tag, { version: 3 });
  await inStage(run, 'host');
  await until(
    () => world.hosting.modelsOf(tag.tag),
    (models) => models.includes(modelId(tag.tag, 3)),
  );
  await settled(tag);
  return run;
}

describe('a tag with nothing wrong', () => {
  it('has no findings at rest, and costs its workflow nothing in a sweep (I4)', async () => {
    const tag = await tagAtRest();
    const events = await tag.events();
    expect(await sweep(tag.tag)).toEqual([]);
    expect(await tag.events()).toBe(events);
    expect(await reconcile({ tag: tag.tag })).toEqual([]);
  });

  it('has no findings in the middle of a canary (I4)', async () => {
    const tag = await tagAtRest();
    const run = await rolloutInFlight(tag);
    const { seq } = await tag.status();
    const lease = `lease-${String(seq)}`;
    await tag.send('shiftTraffic', { lease, step: 1, weightPercent: 10 });
    await settled(tag);
    expect(world.routing.at(tag.tag).route.canary?.weightPercent).toBe(10);
    expect(await sweep(tag.tag)).toEqual([]);
    expect(await reconcile({ tag: tag.tag })).toEqual([]);
    await run.cancel();
  });
});

describe('an alias moved by hand', () => {
  it('F11 is found by a sweep and put back', async () => {
    const tag = await tagAtRest();
    world.registry.moveAlias(tag.tag, 'champion', 3);
    expect(await sweep(tag.tag)).toEqual([
      {
        tag: tag.tag,
        what: 'the alias champion is 3 in MLflow, expected 2',
        repaired: true,
      },
    ]);
    expect(await world.registry.aliases(tag.tag)).toEqual({
      champion: 2,
      previous: 1,
      challenger: null,
    });
    expect((await tag.status()).live).toBe(modelId(tag.tag, 2));
    expect(await sweep(tag.tag)).toEqual([]);
  });

  it('F11 is followed by a rollout where that is asked for, in the name of MLflow', async () => {
    const tag = await tagAtRest();
    const { seq } = await tag.status();
    world.registry.moveAlias(tag.tag, 'champion', 3);
    const found = await reconcile({ tag: tag.tag, adopt: true });
    expect(found).toEqual([
      {
        tag: tag.tag,
        what: `the champion alias was moved in MLflow to ${modelId(tag.tag, 3)} and is adopted`,
        repaired: true,
      },
    ]);
    const rollout = rolloutWorkflowId(tag.tag, 3, `adopted-${String(seq)}`);
    expect(await world.client.workflow.getHandle(rollout).result()).toMatchObject({
      outcome: 'promoted',
    });
    expect((await tag.ledger()).at(-1)).toMatchObject({
      action: 'promote',
      to: modelId(tag.tag, 3),
      actor: 'mlflow',
      evidence: ['override: the champion alias was moved in MLflow by hand'],
    });
    await settled(tag);
    expect(await reconcile({ tag: tag.tag, adopt: true })).toEqual([]);
  });

  it('F11 is put back when the tag cannot follow it', async () => {
    const tag = await tagAtRest();
    await tag.quarantine(3);
    await settled(tag);
    for (const version of [3, 99]) {
      world.registry.moveAlias(tag.tag, 'champion', version);
      expect(await reconcile({ tag: tag.tag, adopt: true })).toEqual([
        {
          tag: tag.tag,
          what: `the alias champion is ${String(version)} in MLflow, expected 2`,
          repaired: true,
        },
      ]);
    }
    expect((await tag.status()).live).toBe(modelId(tag.tag, 2));
  });

  it('F11 is put back when the rollout that followed it came to nothing', async () => {
    const tag = await tagAtRest();
    const { seq } = await tag.status();
    const workflowId = rolloutWorkflowId(tag.tag, 3, `adopted-${String(seq)}`);
    const request = { tag: tag.tag, version: 99, actor: 'mlflow', reason: 'no such version' };
    const { client, taskQueue } = world;
    const rollout = { taskQueue, workflowId, args: [request] };
    await expect(client.workflow.execute(WORKFLOWS.rollout, rollout)).rejects.toThrow();
    world.registry.moveAlias(tag.tag, 'champion', 3);
    expect(await reconcile({ tag: tag.tag, adopt: true })).toEqual([
      { tag: tag.tag, what: 'the alias champion is 3 in MLflow, expected 2', repaired: true },
    ]);
    expect((await tag.status()).live).toBe(modelId(tag.tag, 2));
  });

  it('F11 is a finding that is not repaired while MLflow is down, and the route is compared all the same', async () => {
    const tag = await tagAtRest();
    world.registry.fault = (_method, of) => {
      if (of === tag.tag) throw failure('RegistryUnavailable', 'MLflow is down');
    };
    const inForce = world.routing.at(tag.tag);
    world.routing.overwrite({ ...inForce, route: { live: null } });
    const found = await reconcile({ tag: tag.tag });
    expect(found.map(({ repaired }) => repaired)).toEqual([true, false]);
    expect(found.at(-1)?.what).toBe('MLflow could not be asked: MLflow is down');
    expect(world.routing.at(tag.tag).route).toEqual(inForce.route);
  });
});

it('a route that was overwritten in its store is written again above it, with an entry of its own (I4, I7)', async () => {
  const tag = await tagAtRest();
  const inForce = world.routing.at(tag.tag);
  world.routing.overwrite({ ...inForce, fence: 40, route: { live: null } });
  expect(await sweep(tag.tag)).toMatchObject([{ repaired: true }]);
  expect(world.routing.at(tag.tag)).toEqual({ ...inForce, fence: 41 });
  expect((await tag.ledger()).at(-1)).toMatchObject({
    action: 'repair',
    outcome: 'applied',
    fence: 41,
    reason: `the route in force is nothing under fence 40, expected ${modelId(tag.tag, 2)} under fence ${String(inForce.fence)}`,
  });
  expect(await sweep(tag.tag)).toEqual([]);
});

describe('hosts', () => {
  it('I10 that the tag has no use for are retired', async () => {
    const tag = await tagAtRest();
    const name = unique('stray');
    const spec = world.hosting.hosts.get(hostOf(tag, 2));
    if (!spec) throw new Error('expected a host of the live model');
    await world.hosting.ensure({ ...spec, name, modelId: modelId(tag.tag, 3) });
    expect(await sweep(tag.tag)).toMatchObject([{ repaired: true }]);
    expect(world.hosting.modelsOf(tag.tag)).toEqual([modelId(tag.tag, 1), modelId(tag.tag, 2)]);
  });

  it('I10 of a tag that there is not are retired', async () => {
    const [about, name] = [unique('gone'), unique('host')];
    const spec = { name, target: 'default', modelId: modelId(about, 1), modelUri: 'memory:/m' };
    const rest = { digest: model(1).digest, task: 'regression' };
    await world.hosting.ensure({ ...spec, ...rest });
    expect(await sweep(about)).toMatchObject([{ repaired: true }]);
    expect(world.hosting.hosts.has(name)).toBe(false);
  });

  it('that are gone though the tag keeps them warm are made again (U7)', async () => {
    const tag = await tagAtRest();
    world.hosting.hosts.delete(hostOf(tag, 1));
    expect(await reconcile({ tag: tag.tag })).toEqual([
      {
        tag: tag.tag,
        what: `host ${hostOf(tag, 1)} of ${modelId(tag.tag, 1)} is gone`,
        repaired: true,
      },
    ]);
    expect(world.hosting.hosts.has(hostOf(tag, 1))).toBe(true);
  });
});

describe('what a run that was ended by force leaves', () => {
  it('F33 a lease is ended, its host retired and its alias taken back', async () => {
    const tag = await tagAtRest();
    const run = await rolloutInFlight(tag);
    expect(await sweep(tag.tag)).toEqual([]);
    await run.terminate('by a test');
    expect(await sweep(tag.tag)).toEqual([
      {
        tag: tag.tag,
        what: `${run.workflowId} is closed and still holds ${tag.tag} for version 3`,
        repaired: true,
      },
    ]);
    await settled(tag);
    expect(await tag.status()).toMatchObject({ rollout: null, live: modelId(tag.tag, 2) });
    expect((await tag.actions()).at(-1)).toBe('abort');
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => !models.includes(modelId(tag.tag, 3)),
    );
    expect((await world.registry.aliases(tag.tag)).challenger).toBeNull();
    expect(await sweep(tag.tag)).toEqual([]);
  });

  it('F33, I10 a job is cancelled and an open record closed, and those of an open run are left alone', async () => {
    const tag = await tagAtRest();
    const runs = [await startRetrain(world, tag.tag), await startRetrain(world, tag.tag)] as const;
    const [gone, kept] = runs;
    world.compute.outcome = ({ owner }) =>
      runs.some(({ workflowId }) => workflowId === owner) ? 'runs' : 'succeeds';
    for (const run of runs) {
      await inStage(run, 'training');
      await until(
        () => world.compute.jobsOf(run.workflowId, 'train').length,
        (count) => count === 1,
      );
    }
    const [job] = world.compute.jobsOf(gone.workflowId, 'train');
    await gone.terminate('by a test');
    const found = (await reconcile({ everyMs: 1_000 })).filter(
      ({ what }) => what.includes(gone.workflowId) || what.includes(kept.workflowId),
    );
    expect(found).toMatchObject([
      { tag: '*', what: `job ${job?.name ?? ''} runs for ${gone.workflowId}, which is closed` },
      { tag: tag.tag, repaired: true },
    ]);
    expect(world.compute.cancelled).toEqual([job?.name]);
    const statuses = world.registry
      .runsOf(tag.tag)
      .map(({ opening: { workflowId }, status }) => [workflowId, status]);
    expect(Object.fromEntries(statuses)).toEqual({
      [gone.workflowId]: 'KILLED',
      [kept.workflowId]: null,
    });
    world.compute.outcome = () => 'succeeds';
    await kept.cancel();
  });
});

describe('a window that a run has booked', () => {
  /** A pool of one slot, and a run that has booked it for hours. */
  async function heldSlot() {
    const pool = new PoolOnServer(world, unique('pool'));
    await pool.apply();
    const tag = unique('tag');
    const workflowId = `shadow/${tag}/3/k`;
    // Any workflow may stand for the run: whether it is open is all that is asked of it.
    const run = await world.client.workflow.start(WORKFLOWS.read, {
      ...{ workflowId, taskQueue: 'nobody-works-here', args: [] },
    });
    const { bookingId } = await pool.book(0, 4, { tag, workflowId });
    await until(
      () => listedPools(),
      (names) => names.includes(pool.workflowId),
    );
    const what = `booking ${bookingId} in ${pool.name} is held by ${workflowId}, which is closed`;
    const held = { pool: pool.name, bookingId, tag, workflowId };
    return { pool, tag, run, held, finding: { tag, what } };
  }

  /** As a sweep frees what it found a moment ago. */
  async function freed(held: Omit<Extract<Orphan, { kind: 'booking' }>, 'kind'>): Promise<boolean> {
    const { removeOrphan } = await composeActivities(world.ports, world);
    const orphan = { kind: 'booking' as const, ...held };
    return removeOrphan({ orphan, at: new Date().toISOString() });
  }

  /** Visibility lags by moments. */
  async function listedPools(): Promise<string[]> {
    const names: string[] = [];
    const query = `WorkflowType = '${WORKFLOWS.pool}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId } of world.client.workflow.list({ query }))
      names.push(workflowId);
    return names;
  }

  const about = async (request: ReconcileRequest, tag: string) =>
    (await reconcile(request)).filter((finding) => finding.tag === tag);

  it('S1, F33 is left to it while it is open, and freed for the next one when it was terminated', async () => {
    const { pool, tag, run, finding } = await heldSlot();
    const request = { everyMs: 1_000 };
    expect(await about(request, tag)).toEqual([]);
    await refusedWith('NoSlot', pool.book(1, 2));
    await run.terminate('by a test');
    expect(await about({ ...request, dryRun: true }, tag)).toEqual([
      { ...finding, repaired: false },
    ]);
    await refusedWith('NoSlot', pool.book(1, 2));
    expect(await about(request, tag)).toEqual([{ ...finding, repaired: true }]);
    expect(await pool.calendar()).toMatchObject([
      {
        state: 'cancelled',
        reason: `cancelled by modelyard: ${run.workflowId} is closed`,
      },
    ]);
    expect(await pool.book(1, 2)).toMatchObject({ state: 'booked' });
    expect(await about(request, tag)).toEqual([]);
  });

  it('S1 stays taken when its run was started again before it could be freed', async () => {
    const { pool, tag, run, held } = await heldSlot();
    const { workflowId } = run;
    await run.terminate('by a test');
    await world.client.workflow.start(WORKFLOWS.read, {
      ...{ workflowId, taskQueue: 'nobody-works-here', args: [] },
    });
    expect(await freed(held)).toBe(false);
    expect(await about({}, tag)).toEqual([]);
    expect(await pool.status()).toMatchObject({ active: 1 });
  });

  it('is no finding when its run freed it and closed while a sweep looked', async () => {
    const { pool, run, held } = await heldSlot();
    const { bookingId } = held;
    await run.terminate('by a test');
    const orphans = () => orphanBookings(world.client, [held], new Date().toISOString());
    expect(await orphans()).toEqual([held]);
    const who = { workflowId: run.workflowId };
    await pool.send('freeBooking', { bookingId, as: 'done' }, who);
    expect(await orphans()).toEqual([]);
  });

  it('is no reason to begin anew a pool whose workflow was terminated', async () => {
    const { pool, run, held } = await heldSlot();
    await run.terminate('by a test');
    await pool.handle.terminate('by a test');
    expect(await freed(held)).toBe(false);
    expect((await pool.handle.describe()).status.name).toBe('TERMINATED');
  });
});

it('a record that its run closes while a sweep looks stays as the run closed it', async () => {
  const tag = await tagAtRest();
  const run = await startRetrain(world, tag.tag);
  await run.result();
  const recorded = world.registry.runsOf(tag.tag).at(-1);
  const openRuns = world.registry.openRuns.bind(world.registry);
  // As it was when the sweep began.
  world.registry.openRuns = () => {
    world.registry.openRuns = openRuns;
    const { workflowId, startedAt, key } = recorded?.opening ?? {
      workflowId: '',
      startedAt: '',
      key: '',
    };
    return Promise.resolve([{ runId: `run-${key}`, tag: tag.tag, workflowId, startedAt }]);
  };
  expect(await sweep(tag.tag)).toEqual([]);
  expect(recorded?.status).toBe('FINISHED');
});

it('a dry run tells all of it and changes none of it', async () => {
  const tag = await tagAtRest();
  const run = await rolloutInFlight(tag);
  await run.terminate('by a test');
  const inForce = { ...world.routing.at(tag.tag), route: { live: null } };
  world.routing.overwrite(inForce);
  world.registry.moveAlias(tag.tag, 'champion', 1);
  world.hosting.hosts.delete(hostOf(tag, 1));
  const before = await tag.status();
  const request = { dryRun: true, everyMs: 1_000 };
  const found = (await reconcile(request)).filter((finding) => finding.tag === tag.tag);
  expect(found).toHaveLength(4);
  expect(found.every(({ repaired }) => !repaired)).toBe(true);
  expect(await tag.status()).toEqual(before);
  expect(world.routing.at(tag.tag)).toEqual(inForce);
  expect((await world.registry.aliases(tag.tag)).champion).toBe(1);
  const repaired = (await reconcile()).filter((finding) => finding.tag === tag.tag);
  expect(repaired.map(({ what }) => what).sort()).toEqual(found.map(({ what }) => what).sort());
  expect(repaired.every((finding) => finding.repaired)).toBe(true);
});

it('a sweep says which store it could not ask, and does the rest', async () => {
  const tag = await tagAtRest();
  world.registry.fault = () => {
    throw failure('RegistryUnavailable', 'MLflow is down');
  };
  const inForce = world.routing.at(tag.tag);
  world.routing.overwrite({ ...inForce, route: { live: null } });
  const found = await reconcile();
  world.registry.fault = () => undefined;
  expect(found).toContainEqual({
    tag: '*',
    what: 'could not be asked: MLflow: MLflow is down',
    repaired: false,
  });
  expect(world.routing.at(tag.tag).route).toEqual(inForce.route);
});

it('a tag whose workflow was terminated keeps its route and its hosts, and is not begun anew', async () => {
  const tag = await tagAtRest();
  const inForce = world.routing.at(tag.tag);
  const hosts = world.hosting.modelsOf(tag.tag);
  await tag.handle.terminate('by a test');
  expect((await reconcile()).filter((finding) => finding.tag === tag.tag)).toEqual([]);
  await expect((await start({ tag: tag.tag })).result()).rejects.toThrow();
  expect(world.routing.at(tag.tag)).toEqual(inForce);
  expect(world.hosting.modelsOf(tag.tag)).toEqual(hosts);
  expect((await tag.handle.describe()).status.name).toBe('TERMINATED');
});

it('a sweep of a platform at rest is a short history', async () => {
  await tagAtRest();
  await reconcile();
  const handle = await start({ everyMs: 1_000 });
  expect(await handle.result()).toEqual({ findings: [] });
  expect((await handle.describe()).historyLength).toBeLessThan(15);
});

it('a tag that there is not is refused, and not begun', async () => {
  const handle = await start({ tag: unique('never') });
  await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'UnknownTag' } } });
});
