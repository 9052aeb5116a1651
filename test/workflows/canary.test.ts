import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutPolicy } from '../../temporal/contracts/rollout.js';
import { model } from './policy/tag/tags.js';
import { inStage, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A tag with version 1 live, 2 and 3 registered, and this rollout policy. */
async function tagUnder(rollout: RolloutPolicy): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  await (await startRollout(world, tag.tag, { version: 1 })).result();
  await tag.define({ rollout });
  return tag;
}

const fine = { requests: 100, errors: 0, ms: 20 };
const bad = { requests: 100, errors: 30, ms: 20 };

const errorRate = (over: object = {}): NonNullable<RolloutPolicy['checks']> => [
  { metric: 'error_rate', max: 0.05, minSamples: 10, ...over },
];

const canaries = (tag: TagOnServer): (number | undefined)[] =>
  world.routing.writesOf(tag.tag).map(({ route }) => route.canary?.weightPercent);

describe('a rollout with canary steps', () => {
  it('gives the candidate its shares one after the other, commits, and tells each in the ledger', async () => {
    const tag = await tagUnder({
      steps: [
        { weightPercent: 10, hold: '1s' },
        { weightPercent: 50, hold: '1s' },
      ],
      checks: errorRate(),
    });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/1`]: fine, [`${tag.tag}/2`]: fine });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'canary');
    await until(
      () => tag.status(),
      ({ rollout }) => rollout?.weightPercent === 10,
    );
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    expect(canaries(tag).slice(-3)).toEqual([10, 50, undefined]);
    expect((await tag.actions()).slice(-4)).toEqual(['rollout-start', 'shift', 'shift', 'promote']);
    expect(world.routing.at(tag.tag).route.live?.modelId).toBe(`${tag.tag}/2`);
  });

  it('takes a candidate off that fails its checks, and quarantines it', async () => {
    const tag = await tagUnder({
      steps: [{ weightPercent: 10, hold: '1s' }],
      checks: errorRate(),
    });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/1`]: fine, [`${tag.tag}/2`]: bad });
    const run = await startRollout(world, tag.tag, { version: 2 });
    const result = await run.result();
    expect(result).toMatchObject({ outcome: 'aborted', entry: null });
    expect(result.reason).toContain('error_rate');
    expect(await tag.status()).toMatchObject({
      live: `${tag.tag}/1`,
      rollout: null,
      quarantined: [2],
    });
    expect(world.routing.at(tag.tag).route).toEqual({
      live: expect.objectContaining({ modelId: `${tag.tag}/1` }) as unknown,
    });
  });

  it('U3 neither promotes nor condemns a candidate that nobody called', async () => {
    const tag = await tagUnder({
      steps: [{ weightPercent: 10, hold: '1s' }],
      checks: errorRate(),
      checkEvery: '1s',
    });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/1`]: fine });
    const run = await startRollout(world, tag.tag, { version: 2 });
    expect(await run.result()).toMatchObject({ outcome: 'inconclusive', entry: null });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [] });
    expect(world.routing.at(tag.tag).route.canary).toBeUndefined();
  });

  it('compares with the incumbent beside it', async () => {
    const tag = await tagUnder({
      steps: [{ weightPercent: 10, hold: '1s' }],
      checks: [{ metric: 'latency_p95_ms', maxRatioToIncumbent: 1.5 }],
    });
    world.monitoring.flow(tag.tag, {
      [`${tag.tag}/1`]: fine,
      [`${tag.tag}/2`]: { ...fine, ms: 80 },
    });
    const run = await startRollout(world, tag.tag, { version: 2 });
    expect(await run.result()).toMatchObject({ outcome: 'aborted' });
  });

  it('F25 U7 a person who rolls back during a step leaves the candidate, at once', async () => {
    const tag = await tagUnder({ steps: [{ weightPercent: 20, hold: '1h' }] });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await until(
      () => tag.status(),
      ({ rollout }) => rollout?.weightPercent === 20,
    );
    const entry = await tag.rollback({});
    expect(entry).toMatchObject({ action: 'abort', from: `${tag.tag}/2`, to: `${tag.tag}/1` });
    const result = await run.result();
    expect(result).toMatchObject({ outcome: 'aborted' });
    expect(result.reason).toContain('a reason');
    expect(world.routing.at(tag.tag).route.canary).toBeUndefined();
  });

  it('F33 that is cancelled during a step gives the traffic back', async () => {
    const tag = await tagUnder({ steps: [{ weightPercent: 20, hold: '1h' }] });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await until(
      () => tag.status(),
      ({ rollout }) => rollout?.weightPercent === 20,
    );
    await run.cancel();
    await run.result().catch(() => undefined);
    expect(await tag.status()).toMatchObject({ rollout: null, live: `${tag.tag}/1` });
    expect(world.routing.at(tag.tag).route.canary).toBeUndefined();
  });

  it('keeps its lease through steps that last longer', async () => {
    const tag = await tagUnder({ steps: [{ weightPercent: 20, hold: '3h' }] });
    const run = await startRollout(world, tag.tag, { version: 2 });
    const renewals = async (): Promise<number> => {
      const { events } = await run.fetchHistory();
      return (events ?? []).filter(
        ({ activityTaskScheduledEventAttributes: scheduled }) =>
          scheduled?.activityType?.name === 'renewLease',
      ).length;
    };
    await until(renewals, (count) => count === 1);
    await run.cancel();
    await run.result().catch(() => undefined);
  });

  it('ends when its candidate is quarantined, and takes its traffic off', async () => {
    const tag = await tagUnder({ steps: [{ weightPercent: 20, hold: '1h' }] });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await until(
      () => tag.status(),
      ({ rollout }) => rollout?.weightPercent === 20,
    );
    expect(await tag.quarantine(2)).toMatchObject({ action: 'quarantine', to: `${tag.tag}/2` });
    expect(await run.result()).toMatchObject({ outcome: 'aborted' });
    expect(world.routing.at(tag.tag).route.canary).toBeUndefined();
    expect(await tag.status()).toMatchObject({ rollout: null, quarantined: [2] });
  });

  it('U8 supersede takes the traffic of the older candidate off before the newer one begins', async () => {
    const tag = await tagUnder({ steps: [{ weightPercent: 20, hold: '1h' }] });
    await tag.define({
      rollout: { steps: [{ weightPercent: 20, hold: '1h' }] },
      whenBusy: 'supersede',
    });
    const older = await startRollout(world, tag.tag, { version: 2 });
    await until(
      () => tag.status(),
      ({ rollout }) => rollout?.weightPercent === 20,
    );
    const newer = await startRollout(world, tag.tag, { version: 3 });
    expect(await older.result()).toMatchObject({ outcome: 'superseded' });
    const shown = await until(
      () => tag.status(),
      ({ rollout }) => rollout?.modelId === `${tag.tag}/3` && rollout.weightPercent === 20,
    );
    expect(shown.live).toBe(`${tag.tag}/1`);
    expect(canaries(tag).slice(-3)).toEqual([20, undefined, 20]);
    await newer.cancel();
    await newer.result().catch(() => undefined);
  });

  it('a definition whose rules change meanwhile ends it', async () => {
    const tag = await tagUnder({ steps: [{ weightPercent: 20, hold: '2s' }] });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await until(
      () => tag.status(),
      ({ rollout }) => rollout?.weightPercent === 20,
    );
    await tag.define({ rollout: { steps: [{ weightPercent: 30, hold: '1s' }] } });
    expect(await run.result()).toMatchObject({ outcome: 'superseded' });
    expect(world.routing.at(tag.tag).route.canary).toBeUndefined();
  });
});

describe('the watch after a commit', () => {
  it('U7 rolls back by itself when a check fails, and quarantines the version', async () => {
    const tag = await tagUnder({ watch: '1h', checkEvery: '1s', checks: errorRate() });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/2`]: bad });
    const run = await startRollout(world, tag.tag, { version: 2 });
    const result = await run.result();
    expect(result).toMatchObject({ outcome: 'rolled-back', entry: { action: 'promote' } });
    expect(await tag.status()).toMatchObject({
      live: `${tag.tag}/1`,
      quarantined: [2],
      lastRun: { decision: 'rolled-back' },
    });
    const { actor, reason } = (await tag.ledger()).at(-1) ?? {};
    expect(actor).toBe('modelyard');
    expect(reason).toContain('error_rate');
  });

  it('ends well when every check held, and says what was not judged when nobody called', async () => {
    const tag = await tagUnder({ watch: '2s', checkEvery: '1s', checks: errorRate() });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/2`]: fine });
    const run = await startRollout(world, tag.tag, { version: 2 });
    expect(await run.result()).toMatchObject({ outcome: 'promoted', reason: 'a reason' });
    world.monitoring.flow(tag.tag, {});
    const next = await startRollout(world, tag.tag, { version: 3 });
    const result = await next.result();
    expect(result.outcome).toBe('promoted');
    expect(result.reason).toContain('not judged by its watch');
  });

  it('U7 ends when a person rolls back, and goes back once', async () => {
    const tag = await tagUnder({ watch: '1h', checkEvery: '10s', checks: errorRate() });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'watch');
    await tag.rollback({});
    const result = await run.result();
    expect(result).toMatchObject({ outcome: 'rolled-back' });
    expect((await tag.actions()).filter((action) => action === 'rollback')).toHaveLength(1);
  });

  it('goes on in a new page, with what it has seen and the stages of before', async () => {
    const tag = await tagUnder({ watch: '1h', checkEvery: '1s', checks: errorRate() });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/2`]: fine });
    const run = await startRollout(world, tag.tag, { version: 2, eventsPerPage: 60 });
    const pageOf = async (): Promise<string> =>
      (await world.client.workflow.getHandle(run.workflowId).describe()).runId;
    const first = await pageOf();
    await until(pageOf, (runId) => runId !== first);
    const newest = world.client.workflow.getHandle(run.workflowId);
    const view = await inStage(newest, 'watch');
    expect(view.committed).toMatchObject({ action: 'promote' });
    expect(view.stages.find(({ name }) => name === 'commit')).toMatchObject({ state: 'done' });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/2`]: bad });
    expect(await run.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  it('compares with what the incumbent did before it was replaced', async () => {
    const tag = await tagUnder({
      watch: '1h',
      checkEvery: '1s',
      checks: [{ metric: 'error_rate', maxRatioToIncumbent: 2, minSamples: 10 }],
    });
    world.monitoring.flow(tag.tag, { [`${tag.tag}/1`]: fine });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'watch');
    world.monitoring.flow(tag.tag, { [`${tag.tag}/2`]: bad });
    expect(await run.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  it('compares so after canary steps, too, though the gateway still lists the incumbent', async () => {
    const tag = await tagUnder({
      steps: [{ weightPercent: 20, hold: '1s' }],
      watch: '1h',
      checkEvery: '1s',
      checks: [{ metric: 'error_rate', maxRatioToIncumbent: 2, minSamples: 10 }],
    });
    const [incumbent, candidate] = [`${tag.tag}/1`, `${tag.tag}/2`];
    world.monitoring.flow(tag.tag, { [incumbent]: fine, [candidate]: fine });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'watch');
    world.monitoring.flow(tag.tag, {
      [incumbent]: { requests: 0, errors: 0, ms: 20 },
      [candidate]: { ...bad, requests: 1_000, errors: 300 },
    });
    expect(await run.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  it('looks at what the registry holds, too', async () => {
    const tag = await tagUnder({
      watch: '1h',
      checkEvery: '1s',
      checks: [{ metric: 'late_auc', max: 0.5 }],
    });
    const run = await startRollout(world, tag.tag, { version: 2 });
    await inStage(run, 'watch');
    world.registry.logMetric({
      ...{ runId: 'run-2', name: 'late_auc', value: 0.9 },
      at: new Date().toISOString(),
    });
    expect(await run.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe('change windows', () => {
  it('U6 keep a rollout waiting until one opens, say when, and leave a rollback alone', async () => {
    const tag = await tagUnder({
      windows: { allow: [{ cron: '0 3 * * *', duration: '1m', timezone: 'Europe/Berlin' }] },
    });
    const run = await startRollout(world, tag.tag, { version: 2 });
    const waiting = await until(
      () => run.query<{ waitingFor?: { what: string; until?: string } }>('status'),
      ({ waitingFor }) => waitingFor?.what === 'window',
    );
    expect(Date.parse(waiting.waitingFor?.until ?? '')).toBeGreaterThan(Date.now());
    expect(await tag.status()).toMatchObject({ rollout: { waitingFor: 'window' } });
    await run.cancel();
    await run.result().catch(() => undefined);
    expect(await tag.status()).toMatchObject({ rollout: null, live: `${tag.tag}/1` });
    expect(await tag.send('demote', { to: 'none' })).toMatchObject({ action: 'demote' });
  });

  it('U6 are open when one is, and a rollout passes', async () => {
    const tag = await tagUnder({ windows: { allow: [{ cron: '* * * * *', duration: '5m' }] } });
    const run = await startRollout(world, tag.tag, { version: 2 });
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
  });
});
