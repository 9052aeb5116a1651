import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ApprovalRefusedError,
  NoRollbackTargetError,
  RunFailedError,
  SelfApprovalError,
  type Platform,
  type RetrainHandle,
  type RolloutHandle,
  type RunStatus,
} from '../../sdk/index.js';
import { definition } from '../workflows/policy/tag/tags.js';
import { startRetrain } from '../workflows/support/runs.js';
import { TagOnServer } from '../workflows/support/tag.js';
import { unique, until } from '../workflows/support/world.js';
import { Guarded, JUDGED, refusalOf } from './fixtures/guarded.js';

let guarded: Guarded;
let ada: Platform;
let bob: Platform;

beforeAll(async () => {
  guarded = await Guarded.start();
  [ada, bob] = [await guarded.connected('ada'), await guarded.connected('bob')];
}, 600_000);
afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

/** Asked for by ada. */
const waiting = (tag: TagOnServer): Promise<RolloutHandle> => guarded.waiting(tag, ada);

/** As bob sees it. */
async function approvable(workflowId: string): Promise<RolloutHandle> {
  return (await bob.runs.get(workflowId)) as RolloutHandle;
}

async function listed(runs: AsyncIterable<RunStatus>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of runs) ids.push(workflowId);
  return ids;
}

describe('approve', () => {
  it('lets the candidate go live, and tells the time it waited from the time it worked', async () => {
    const tag = await guarded.tag();
    const run = await waiting(tag);
    expect(await run.status()).toMatchObject({
      state: 'waiting',
      waitingFor: { what: 'approval', need: 1, have: 0, until: expect.any(Date) as Date },
    });
    await until(
      () => listed(bob.runs.list({ tag: tag.tag, waitingFor: 'approval' })),
      (ids) => ids.length === 1,
    );
    await (await approvable(run.workflowId)).approve({ comment: 'looked at it' });
    expect(await run.committed()).toMatchObject({ action: 'promote', to: `${tag.tag}/2` });
    await run.result();
    const { stages } = await run.status();
    const approval = stages.find(({ name }) => name === 'approval');
    const took = Number(approval?.finishedAt) - Number(approval?.startedAt);
    expect((approval?.waitedMs ?? 0) + (approval?.workedMs ?? 0)).toBe(took);
    expect(approval?.waitedMs).toBeGreaterThan(0);
    expect(await listed(bob.runs.list({ tag: tag.tag, waitingFor: 'approval' }))).toEqual([]);
  });

  it('F34 is refused to who asked, twice, of a run that waits behind another, and of one that has ended', async () => {
    const tag = await guarded.tag({
      gate: { ...definition.gate, approval: { required: 2 } },
    });
    const run = await waiting(tag);
    expect(await refusalOf(run.approve())).toBeInstanceOf(SelfApprovalError);
    const behind = await ada.promote(tag.tag, 3, { reason: 'newer', override: 'seen by hand' });
    await guarded.inStage(behind.workflowId, 'turn');
    const other = await refusalOf((await approvable(behind.workflowId)).approve());
    expect(other).toMatchObject({
      reason: 'other-candidate',
      message: expect.stringContaining('it is at stage turn and waits for: turn') as string,
    });
    const mine = await approvable(run.workflowId);
    await mine.approve();
    expect(await refusalOf(mine.approve())).toMatchObject({ reason: 'already-decided' });
    await behind.cancel('not now');
    const carol = await guarded.connected('carol');
    await ((await carol.runs.get(run.workflowId)) as RolloutHandle).approve();
    await run.result();
    expect(await refusalOf(mine.approve())).toMatchObject({
      reason: 'not-waiting',
      message: expect.stringContaining("it ended 'promoted': better") as string,
    });
  });

  it('names every bad argument and sends nothing', async () => {
    const run = await approvable((await waiting(await guarded.tag())).workflowId);
    expect(await refusalOf(run.approve({ comment: '', why: 1 } as never))).toMatchObject({
      issues: [{ path: 'options.comment' }, { path: 'options' }],
    });
    expect(await refusalOf(run.reject({} as never))).toMatchObject({
      issues: [{ path: 'options.comment' }],
    });
    await run.reject({ comment: 'that was all' });
  });

  it('of a retrain is of the rollout it has handed its candidate to', async () => {
    const tag = new TagOnServer(guarded.world, unique('guarded'));
    await tag.define({ gate: { ...JUDGED, approval: { required: 1 } } });
    const { workflowId } = await ada.retrain(tag.tag, { params: { quality: 0.7 } });
    const run = (await bob.runs.get(workflowId)) as RetrainHandle;
    await until(
      () => run.status(),
      ({ waitingFor }) => waitingFor?.what === 'approval',
    );
    await run.approve();
    expect(await run.result()).toMatchObject({ decision: 'promoted' });
    expect(await refusalOf(run.withdraw({ comment: 'after all not' }))).toBeInstanceOf(
      NoRollbackTargetError,
    );
  });

  it('is refused of a retrain that has handed nothing over', async () => {
    const tag = await guarded.tag();
    const retrain = await startRetrain(guarded.world, tag.tag);
    await refusalOf(retrain.result());
    const refused = await refusalOf((await approvable(retrain.workflowId)).approve());
    expect(refused).toBeInstanceOf(ApprovalRefusedError);
    expect(refused).toMatchObject({ reason: 'not-waiting' });
  });
});

describe('reject', () => {
  it('ends the run rejected, and no commit follows', async () => {
    const run = await waiting(await guarded.tag());
    await (await approvable(run.workflowId)).reject({ comment: 'wrong week' });
    expect(await run.result()).toMatchObject({
      outcome: 'rejected',
      reason: expect.stringContaining('wrong week') as string,
    });
    const uncommitted = await refusalOf(run.committed());
    expect(uncommitted).toBeInstanceOf(RunFailedError);
    expect(uncommitted).toMatchObject({ failureType: 'rejected' });
  });
});

describe('withdraw', () => {
  it('U9 takes a model back that is live, also when its run has ended', async () => {
    const tag = await guarded.tag();
    const run = await waiting(tag);
    const mine = await approvable(run.workflowId);
    await mine.approve();
    await run.result();
    expect(await refusalOf(run.withdraw({ comment: 'not mine' }))).toMatchObject({
      reason: 'not-an-approver',
    });
    await mine.withdraw({ comment: 'it is wrong on Mondays' });
    expect(await bob.status(tag.tag)).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2] });
    expect(await refusalOf(mine.withdraw({ comment: 'again' }))).toMatchObject({
      reason: 'not-waiting',
    });
  });
});

describe('a slot of a schedule', () => {
  it('U9 is approved neither by who triggered it nor by who wrote its schedule', async () => {
    const tag = new TagOnServer(guarded.world, unique('guarded'));
    await tag.define({
      training: { ...definition.training, params: { quality: 0.7 } },
      gate: { ...JUDGED, approval: { required: 1 } },
      schedule: { cron: '0 4 1 1 *' },
    });
    await bob.schedules.trigger(`tag/${tag.tag}`);
    const { rollout } = await until(
      () => tag.status(),
      (status) => status.rollout?.waitingFor === 'approval',
    );
    const { workflowId } = rollout ?? { workflowId: '' };
    for (const platform of [bob, ada]) {
      const run = (await platform.runs.get(workflowId)) as RolloutHandle;
      expect(await refusalOf(run.approve())).toBeInstanceOf(SelfApprovalError);
    }
    const carol = (await (await guarded.connected('carol')).runs.get(workflowId)) as RolloutHandle;
    await carol.approve();
    await carol.result();
    expect((await ada.status(tag.tag)).live).toBe(`${tag.tag}/1`);
  });
});

describe('a backfill', () => {
  it('is noted with who asked for it, both ends of its range included', async () => {
    const tag = await guarded.tag({ schedule: { cron: '0 4 1 1 *' } });
    const range = {
      from: new Date('2026-03-01T00:00:00Z'),
      until: new Date('2026-03-02T00:00:00Z'),
    };
    await bob.schedules.backfill(`tag/${tag.tag}`, range);
    const askedFor = (slot: string) => tag.handle.query<string[], [string]>('triggeredBy', slot);
    expect(await askedFor('2026-03-01T00:00:00.000Z')).toEqual(['bob']);
    expect(await askedFor('2026-03-02T00:00:00.000Z')).toEqual(['bob']);
    expect(await askedFor('2026-03-02T00:00:01.000Z')).toEqual([]);
  });
});
