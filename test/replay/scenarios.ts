import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import type { ModelDefinition, Platform, RolloutHandle, RunHandle, ShadowHandle } from 'modelyard';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Recorded {
  type:
    | Exclude<RunHandle<unknown>['kind'], 'fleet'>
    | 'tag'
    | 'read'
    | 'platform'
    | 'reconcile'
    | 'pool';
  scenario: string;
  workflowId: string;
  firstRunId?: string;
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const CUTOFF = new Date('2013-06-01T00:00:00Z');
const COLUMNS = ['origin', 'carrier', 'dep_minute', 'distance'];
const BETTER = [...COLUMNS, 'origin_delay_2h', 'temp', 'precip', 'visib'];
const because = (reason: string): { reason: string } => ({ reason });

function definitionOf(tag: string, over: Partial<ModelDefinition> = {}): ModelDefinition {
  return {
    tag,
    owner: { team: 'recorders', contact: 'recorders@example.com' },
    training: {
      task: 'binary-classification',
      code: { kind: 'python', directory: path('../stack/code'), entry: 'train.py:train' },
      data: {
        kind: 'parquet',
        uri: path('../../examples/flights/data/flights.parquet'),
        timeColumn: 'scheduled_at',
        window: '10d',
      },
      features: COLUMNS,
      label: 'label',
      holdout: { kind: 'last', duration: '3d' },
      timeout: '5m',
    },
    evaluation: { cluster: ['date', 'origin', 'hour'] },
    gate: {
      metrics: [{ name: 'auc', direction: 'higher', threshold: 0.5, minImprovement: 0 }],
      autoPromote: true,
    },
    schedule: { cron: '30 3 * * *', timezone: 'Europe/Berlin' },
    ...over,
  };
}

const withFeatures = (tag: string, features: string[], over: Partial<ModelDefinition> = {}) => {
  const definition = definitionOf(tag, over);
  return { ...definition, training: { ...definition.training, features } };
};

/** Lives runs through, and names the histories worth keeping. */
export async function record(
  platform: Platform,
  approver: Platform,
  temporal: Client,
): Promise<Recorded[]> {
  return [
    ...(await promotedAndRolledBack(platform)),
    ...(await endedEarly(platform, temporal)),
    ...(await inTurn(platform)),
    ...(await inPages(platform, temporal)),
    ...(await bySteps(platform, approver)),
    ...(await shadowed(platform)),
    ...(await frozen(platform)),
    ...(await reconciled(platform)),
    ...(await readings(temporal)),
  ];
}

async function promotedAndRolledBack(platform: Platform): Promise<Recorded[]> {
  const tag = 'recorded';
  const kept: Recorded[] = [];
  const retrain = async (scenario: string, params: Record<string, unknown> = {}): Promise<void> => {
    const run = await platform.retrain(tag, { asOf: CUTOFF, params });
    await run.result();
    kept.push({ type: 'retrain', scenario, workflowId: run.workflowId });
    const rollout = await run.rollout();
    if (rollout) kept.push({ type: 'rollout', scenario, workflowId: rollout.workflowId });
  };
  await platform.models.apply(definitionOf(tag));
  await retrain('first model promoted');
  await retrain('not better', { behave: 'constant' });
  await platform.models.apply(withFeatures(tag, BETTER));
  await retrain('better model promoted');
  await platform.rollback(tag, because('too many complaints'));
  const evaluation = await platform.evaluate(`${tag}/2`, because('a second look'));
  await evaluation.result();
  kept.push({ type: 'evaluate', scenario: 'against live', workflowId: evaluation.workflowId });
  await platform.ledger(tag, { before: 2 });
  await platform.simulate(tag, definitionOf(tag).gate);
  kept.push({ type: 'tag', scenario: 'promoted and rolled back', workflowId: `tag/${tag}` });
  return kept;
}

async function endedEarly(platform: Platform, temporal: Client): Promise<Recorded[]> {
  const tag = 'ended-early';
  await platform.models.apply(definitionOf(tag));
  const failed = await platform.retrain(tag, { asOf: CUTOFF, params: { behave: 'raise' } });
  await failed.result().catch(() => undefined);
  const cancelled = await platform.retrain(tag, { asOf: CUTOFF, params: { behave: 'hang' } });
  await untilTraining(temporal, cancelled.workflowId);
  await cancelled.cancel('took too long');
  await cancelled.result().catch(() => undefined);
  return [
    { type: 'retrain', scenario: "failed by the user's code", workflowId: failed.workflowId },
    { type: 'retrain', scenario: 'cancelled while training', workflowId: cancelled.workflowId },
    { type: 'tag', scenario: 'runs ended early', workflowId: `tag/${tag}` },
  ];
}

async function untilTraining(temporal: Client, workflowId: string): Promise<void> {
  const handle = temporal.workflow.getHandle(workflowId);
  for (;;) {
    const { raw } = await handle.describe();
    if (raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'runJob')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Two candidates at once, of which the second waits for the first: it goes live by an override, because its gate failed. Later
 * it is promoted again and rolled back at once.
 */
async function inTurn(platform: Platform): Promise<Recorded[]> {
  const tag = 'in-turn';
  const metrics = [{ name: 'auc', direction: 'higher', threshold: 0.6 } as const];
  await platform.models.apply(definitionOf(tag, { gate: { metrics, autoPromote: false } }));
  for (const params of [{}, { behave: 'constant' }])
    await (await platform.retrain(tag, { asOf: CUTOFF, params })).result();
  const byHand = (version: number): Promise<RolloutHandle> =>
    platform.promote(tag, version, { ...because('by hand'), override: 'for the recording' });
  const [first, second] = [await byHand(1), await byHand(2)];
  await Promise.all([first.result(), second.result()]);
  await platform.demote(tag, because('back to the first'));
  await platform.demote(tag, { ...because('out of service'), to: 'none' });
  const third = await byHand(2);
  await platform.rollback(tag, { ...because('not this one'), from: 2 });
  await third.result();
  return [
    { type: 'rollout', scenario: 'promoted by hand', workflowId: first.workflowId },
    { type: 'rollout', scenario: 'waited for its turn', workflowId: second.workflowId },
    { type: 'rollout', scenario: 'rolled back before its commit', workflowId: third.workflowId },
    { type: 'tag', scenario: 'turns and demotions', workflowId: `tag/${tag}` },
  ];
}

/** A tag that continues as new after every third command. */
async function inPages(platform: Platform, temporal: Client): Promise<Recorded[]> {
  const tag = 'in-pages';
  const workflowId = `tag/${tag}`;
  const { firstExecutionRunId } = await temporal.workflow.start('tag', {
    workflowId,
    taskQueue: 'modelyard',
    args: [{ tag, commandsPerPage: 3 }],
  });
  await platform.models.apply(definitionOf(tag));
  for (const version of [7, 8, 9, 10]) {
    await platform.quarantine(tag, version, because('bad'));
    await untilRecorded(platform, tag);
  }
  await platform.release(tag, 7, because('good after all'));
  await untilRecorded(platform, tag);
  return [
    { type: 'tag', scenario: 'continued as new', workflowId, firstRunId: firstExecutionRunId },
  ];
}

/**
 * An approval, steps and a watch: one goes through them, one is rolled back by a person in its watch, one fails its check for
 * lack of callers, one is rejected.
 */
async function bySteps(platform: Platform, approver: Platform): Promise<Recorded[]> {
  const tag = 'by-steps';
  const metrics = [{ name: 'auc', direction: 'higher', threshold: 0.5 } as const];
  const approval = { required: 1, expiresAfter: '10m' };
  const rollout = { steps: [{ weightPercent: 20, hold: '1s' }], watch: '2s', checkEvery: '1s' };
  await platform.models.apply(definitionOf(tag, { gate: { metrics }, rollout }));
  for (const params of [{}, { behave: 'constant' }])
    await (await platform.retrain(tag, { asOf: CUTOFF, params })).result();
  const byHand = (version: number): Promise<RolloutHandle> =>
    platform.promote(tag, version, { ...because('by hand'), override: 'for the recording' });
  await (await byHand(1)).result();
  await platform.models.apply(definitionOf(tag, { gate: { metrics, approval }, rollout }));
  const approved = await byHand(2);
  await approveWhenAsked(approver, approved.workflowId);
  await approved.result();
  await platform.demote(tag, because('back to the first'));
  const rejected = await byHand(2);
  await untilWaiting(rejected);
  const again = await approver.runs.get(rejected.workflowId);
  if ('reject' in again) await again.reject({ comment: 'not now' });
  await rejected.result();
  const watched = { ...rollout, watch: '10m' };
  await platform.models.apply(definitionOf(tag, { gate: { metrics }, rollout: watched }));
  const left = await byHand(2);
  await left.committed();
  await platform.rollback(tag, because('callers complain'));
  await left.result();
  await platform.release(tag, 2, because('for the next one'));
  const checks = [{ metric: 'error_rate', max: 0.1, onNoData: 'fail' as const }];
  await platform.models.apply(
    definitionOf(tag, { gate: { metrics }, rollout: { ...rollout, checks } }),
  );
  const unasked = await byHand(2);
  await unasked.result();
  return [
    {
      type: 'rollout',
      scenario: 'approved and promoted by steps',
      workflowId: approved.workflowId,
    },
    { type: 'rollout', scenario: 'rejected', workflowId: rejected.workflowId },
    { type: 'rollout', scenario: 'rolled back in its watch', workflowId: left.workflowId },
    { type: 'rollout', scenario: 'failed its check', workflowId: unasked.workflowId },
    { type: 'tag', scenario: 'approvals, steps and watches', workflowId: `tag/${tag}` },
  ];
}

/**
 * Windows on live traffic: one that passes, one that nobody calls, which is extended, one that is moved and cancelled, one whose
 * incumbent changes, and one within a rollout.
 */
async function shadowed(platform: Platform): Promise<Recorded[]> {
  const [tag, pool] = ['shadowed', 'recorders'];
  const metrics = [{ name: 'auc', direction: 'higher', threshold: 0.5 } as const];
  const checks = [{ metric: 'error_rate', max: 0.5 }];
  const rollout = { watch: '0s' };
  await platform.models.apply(definitionOf(tag, { gate: { metrics }, rollout }));
  for (const params of [{}, { C: 0.01 }, { C: 0.02 }])
    await (await platform.retrain(tag, { asOf: CUTOFF, params })).result();
  const byHand = (version: number): Promise<RolloutHandle> =>
    platform.promote(tag, version, { ...because('by hand'), override: 'for the recording' });
  await (await byHand(1)).result();
  await platform.shadowPools.apply({ name: pool, slots: 1 });
  const window = { pool, checks, minRequests: 3, ...because('for the recording') };
  const passed = await platform.shadow(tag, 2, { ...window, duration: '20s' });
  await called(platform, tag, passed);
  const alone = await platform.shadow(tag, 2, { ...window, duration: '5s' });
  await alone.result();
  const cancelled = await platform.shadow(tag, 2, { ...window, duration: '1h' });
  await untilOpen(cancelled);
  await cancelled.extend({ until: new Date(Date.now() + 2 * 3_600_000) });
  await cancelled.cancel('enough seen');
  const overtaken = await platform.shadow(tag, 2, { ...window, duration: '1h' });
  await untilOpen(overtaken);
  await (await byHand(3)).result();
  await overtaken.result();
  const shadow = { duration: '20s', pool, minRequests: 3, checks };
  await platform.models.apply(definitionOf(tag, { gate: { metrics }, rollout, shadow }));
  const rolledOut = await byHand(2);
  await called(platform, tag, rolledOut);
  return [
    { type: 'shadow', scenario: 'passed', workflowId: passed.workflowId },
    { type: 'shadow', scenario: 'extended and inconclusive', workflowId: alone.workflowId },
    { type: 'shadow', scenario: 'moved and cancelled', workflowId: cancelled.workflowId },
    { type: 'shadow', scenario: 'incumbent changed', workflowId: overtaken.workflowId },
    { type: 'rollout', scenario: 'after its shadow', workflowId: rolledOut.workflowId },
    { type: 'tag', scenario: 'shadows', workflowId: `tag/${tag}` },
    { type: 'pool', scenario: 'booked and freed', workflowId: `pool/${pool}` },
  ];
}

const FLIGHT = { origin: 'LGA', carrier: 'DL', dep_minute: 600, distance: 700 };

/** Somebody calls the tag until the run has ended. */
async function called(platform: Platform, tag: string, run: RunHandle<unknown>): Promise<void> {
  let ended = false;
  const result = run.result().finally(() => {
    ended = true;
  });
  while (!ended) {
    await platform.score(tag, { dataframe_records: [FLIGHT] });
    await sleep(200);
  }
  await result;
}

async function untilOpen(run: ShadowHandle): Promise<void> {
  while ((await run.status()).waitingFor?.what !== 'window') await sleep(100);
}

async function untilWaiting(run: RolloutHandle): Promise<void> {
  while ((await run.status()).waitingFor?.what !== 'approval') await sleep(100);
}

async function approveWhenAsked(approver: Platform, workflowId: string): Promise<void> {
  const run = await approver.runs.get(workflowId);
  if (!('approve' in run)) throw new Error(`expected ${workflowId} to be a rollout`);
  while ((await run.status()).waitingFor?.what !== 'approval') await sleep(100);
  await run.approve({ comment: 'looks good' });
}

async function frozen(platform: Platform): Promise<Recorded[]> {
  const tag = 'frozen';
  await platform.models.apply(definitionOf(tag));
  await platform.freeze('*', because('the long weekend'));
  await platform.freeze(tag, because('its own reason'));
  await platform.unfreeze('*', because('over'));
  await platform.unfreeze(tag, because('over, too'));
  await platform.retire(tag, because('nobody asks any more'));
  return [
    { type: 'platform', scenario: 'frozen and thawed', workflowId: 'platform' },
    { type: 'tag', scenario: 'frozen and retired', workflowId: `tag/${tag}` },
  ];
}

async function reconciled(platform: Platform): Promise<Recorded[]> {
  const tag = 'recorded';
  await platform.reconcile(tag);
  await platform.reconcile();
  return [
    { type: 'reconcile', scenario: 'one tag', workflowId: `reconcile/tag/${tag}` },
    { type: 'reconcile', scenario: 'sweep', workflowId: 'reconcile/sweep' },
  ];
}

async function untilRecorded(platform: Platform, tag: string): Promise<void> {
  while (!(await platform.status(tag)).registry.inSync)
    await new Promise((resolve) => setTimeout(resolve, 100));
}

/** What the SDK has read above, one of each kind. */
async function readings(temporal: Client): Promise<Recorded[]> {
  const kinds = new Map<string, string>();
  for await (const { workflowId } of temporal.workflow.list({ query: "WorkflowType = 'read'" })) {
    const kind = workflowId.split('/')[1] ?? '';
    if (!kinds.has(kind)) kinds.set(kind, workflowId);
  }
  return [...kinds].map(([kind, workflowId]) => ({ type: 'read', scenario: kind, workflowId }));
}
