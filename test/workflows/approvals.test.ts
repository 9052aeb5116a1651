import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApprovalSubject, ApprovalView } from '../../temporal/contracts/approval.js';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import type { RolloutPolicy } from '../../temporal/contracts/rollout.js';
import { refusedWith } from '../../testing/refusals.js';
import { definition, model } from './policy/tag/tags.js';
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

type Approval = NonNullable<ModelDefinition['gate']['approval']>;

/** A tag with version 1 live, whose next candidates have to be approved. */
async function guardedTag(approval: Approval, rollout?: RolloutPolicy): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('guarded'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  await tag.promote(1);
  const gate = { ...definition.gate, approval };
  await tag.define({ gate, ...(rollout && { rollout }) });
  return tag;
}

/** A rollout of version 2, asked for by ada, that waits for its approvers. */
async function waiting(tag: TagOnServer) {
  const run = await startRollout(world, tag.tag, { version: 2 });
  await inStage(run, 'approval', 'waiting');
  return { run, subject: await subjectOf(tag) };
}

async function subjectOf(tag: TagOnServer): Promise<ApprovalSubject> {
  const view = await tag.handle.query<ApprovalView | null>('approval');
  if (view === null) throw new Error('expected a candidate that has to be approved');
  return view.subject;
}

const say = (tag: TagOnServer, decision: string, subject: ApprovalSubject, actor: string) =>
  tag.send(decision, { subject }, { actor, reason: `${decision} by ${actor}` });

const lastEntry = async (tag: TagOnServer) => (await tag.ledger()).at(-1);

describe('a candidate that has to be approved', () => {
  it('I6 carries no traffic and warms no host before, and goes live by an approval the ledger names', async () => {
    const tag = await guardedTag({ required: 1 });
    const { run, subject } = await waiting(tag);
    expect(await run.query('status')).toMatchObject({
      waitingFor: { what: 'approval', need: 1, have: 0 },
    });
    expect(await tag.status()).toMatchObject({
      ...{ live: `${tag.tag}/1` },
      rollout: { weightPercent: 0, waitingFor: 'approval' },
    });
    expect(world.hosting.modelsOf(tag.tag)).not.toContain(`${tag.tag}/2`);
    await say(tag, 'approve', subject, 'bob');
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    const { evidence } = (await lastEntry(tag)) ?? {};
    expect(evidence).toContainEqual(expect.stringMatching(/^approved by bob at .*, unsigned$/));
  });

  it('I6 is given no traffic by whoever asks for it past the run', async () => {
    const tag = await guardedTag({ required: 1 });
    const lease = await tag.lease(2);
    const steps = {
      shiftTraffic: { lease, step: 1, weightPercent: 5 },
      commitRollout: { lease, step: 2 },
    };
    for (const [step, fields] of Object.entries(steps))
      expect(await refusedWith('ApprovalRefused', tag.send(step, fields))).toMatchObject({
        reason: 'not-waiting',
      });
    expect(world.routing.at(tag.tag).route.canary ?? null).toBeNull();
    expect((await tag.status()).live).toBe(`${tag.tag}/1`);
  });

  it('I6 F1 goes live by an approval that was given before its run heard of its turn', async () => {
    const tag = await guardedTag({ required: 1 });
    const { passed, open } = latch();
    world.registry.fault = (method, name) =>
      method === 'resolve' && name === tag.tag ? passed : undefined;
    const run = await startRollout(world, tag.tag, { version: 2 });
    await tag.begin(2, { who: { workflowId: run.workflowId } });
    await say(tag, 'approve', await subjectOf(tag), 'bob');
    await until(
      () => run.fetchHistory(),
      ({ events }) =>
        events?.some((event) => event.workflowExecutionSignaledEventAttributes) ?? false,
    );
    open();
    world.registry.fault = () => undefined;
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
  });

  it('I6 waits until two have approved it', async () => {
    const tag = await guardedTag({ required: 2, from: ['bob', 'carol', 'dave'] });
    const { run, subject } = await waiting(tag);
    await say(tag, 'approve', subject, 'bob');
    await until(
      () => run.query<{ waitingFor?: { have?: number } }>('status'),
      ({ waitingFor }) => waitingFor?.have === 1,
    );
    expect((await tag.status()).live).toBe(`${tag.tag}/1`);
    await say(tag, 'approve', subject, 'carol');
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    expect((await lastEntry(tag))?.evidence.filter((line) => line.startsWith('approved'))).toEqual([
      expect.stringContaining('by bob') as string,
      expect.stringContaining('by carol') as string,
    ]);
  });

  it('F34 is not approved by who asked, by who is not listed, twice by one, or for another candidate', async () => {
    const tag = await guardedTag({ required: 2, from: ['ada', 'bob', 'carol'] });
    const { run, subject } = await waiting(tag);
    await refusedWith('SelfApproval', say(tag, 'approve', subject, 'ada'));
    expect(
      await refusedWith('ApprovalRefused', say(tag, 'approve', subject, 'mallory')),
    ).toMatchObject({ reason: 'not-an-approver' });
    for (const other of [
      { version: 3, digest: model(3).digest },
      { digest: model(3).digest },
      { from: null },
      { liveSeq: 1 },
      { rollout: `${subject.rollout}-another` },
    ])
      expect(
        await refusedWith('ApprovalRefused', say(tag, 'approve', { ...subject, ...other }, 'bob')),
      ).toMatchObject({ reason: 'other-candidate' });
    await say(tag, 'approve', subject, 'bob');
    expect(await refusedWith('ApprovalRefused', say(tag, 'approve', subject, 'bob'))).toMatchObject(
      { reason: 'already-decided' },
    );
    await say(tag, 'reject', subject, 'carol');
    await run.result();
    expect(
      await refusedWith('ApprovalRefused', say(tag, 'approve', subject, 'carol')),
    ).toMatchObject({ reason: 'not-waiting' });
  });

  it('F34 is not approved late, and ends rejected when nobody has approved it in time', async () => {
    const tag = await guardedTag({ required: 1, expiresAfter: '2s' });
    const { run } = await waiting(tag);
    expect(await run.result()).toMatchObject({
      ...{ outcome: 'rejected', entry: null },
      reason: expect.stringMatching(/^not approved: 0 of 1 approvals until /) as string,
    });
    expect(await lastEntry(tag)).toMatchObject({ action: 'abort', from: `${tag.tag}/2` });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, rollout: null });
    // A lease whose run is not there to end it.
    await tag.begin(3);
    const subject = await subjectOf(tag);
    const { approval } = (await tag.handle.query<ApprovalView | null>('approval')) ?? {};
    await until(
      () => Date.now(),
      (now) => now > Date.parse(approval?.expiresAt ?? ''),
    );
    expect(await refusedWith('ApprovalRefused', say(tag, 'approve', subject, 'bob'))).toMatchObject(
      { reason: 'expired' },
    );
  });

  it('ends rejected by one word, which the ledger keeps', async () => {
    const tag = await guardedTag({ required: 2 });
    const { run, subject } = await waiting(tag);
    expect(await say(tag, 'reject', subject, 'bob')).toMatchObject({ action: 'abort' });
    expect(await run.result()).toMatchObject({
      outcome: 'rejected',
      reason: expect.stringContaining('reject by bob') as string,
    });
    expect(await lastEntry(tag)).toMatchObject({
      ...{ action: 'abort', from: `${tag.tag}/2`, actor: 'bob' },
      reason: 'rejected: reject by bob',
    });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [] });
  });

  it("U9 of a retrain is not approved by the retrain's own actor", async () => {
    const tag = new TagOnServer(world, unique('guarded'));
    const metrics: ModelDefinition['gate']['metrics'] = [
      { name: 'auc', direction: 'higher', threshold: 0.6 },
    ];
    await tag.define({ gate: { metrics, autoPromote: true, approval: { required: 1 } } });
    const retrain = await startRetrain(world, tag.tag, {
      actor: 'carol',
      params: { quality: 0.7 },
    });
    const { rolloutWorkflowId } = await retrain.result();
    const run = world.client.workflow.getHandle(rolloutWorkflowId ?? '');
    await inStage(run, 'approval', 'waiting');
    const subject = await subjectOf(tag);
    await refusedWith('SelfApproval', say(tag, 'approve', subject, 'carol'));
    await say(tag, 'approve', subject, 'ada');
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
  });

  it('U9 is not approved by who asked, whoever is named as its requester', async () => {
    const tag = await guardedTag({ required: 1 });
    await tag.begin(2, { requesters: ['somebody-else'] });
    const subject = await subjectOf(tag);
    await refusedWith('SelfApproval', say(tag, 'approve', subject, 'ada'));
    await refusedWith('SelfApproval', say(tag, 'approve', subject, 'somebody-else'));
  });
});

describe('an approval that is withdrawn', () => {
  it('leaves the candidate waiting', async () => {
    const tag = await guardedTag({ required: 2 });
    const { run, subject } = await waiting(tag);
    await say(tag, 'approve', subject, 'bob');
    expect(
      await refusedWith('ApprovalRefused', say(tag, 'withdraw', subject, 'carol')),
    ).toMatchObject({ reason: 'not-an-approver' });
    expect(await say(tag, 'withdraw', subject, 'bob')).toBeNull();
    await say(tag, 'approve', subject, 'carol');
    await say(tag, 'approve', subject, 'dave');
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
  });

  it('I6 after the wait and before the commit keeps the candidate from going live', async () => {
    const tag = await guardedTag({ required: 1 });
    world.hosting.observed = ({ modelId }) => (modelId === `${tag.tag}/2` ? 'starting' : 'ready');
    const { run, subject } = await waiting(tag);
    await say(tag, 'approve', subject, 'bob');
    await inStage(run, 'host');
    await say(tag, 'withdraw', subject, 'bob');
    world.hosting.observed = () => 'ready';
    expect(await run.result()).toMatchObject({ outcome: 'rejected', entry: null });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, rollout: null });
    expect((await tag.actions()).at(-1)).toBe('abort');
  });

  it('U9 of the live model rolls it back and keeps it from coming back', async () => {
    const tag = await guardedTag({ required: 1 }, { watch: '10m' });
    const { run, subject } = await waiting(tag);
    await say(tag, 'approve', subject, 'bob');
    await inStage(run, 'watch');
    expect(
      await refusedWith('ApprovalRefused', say(tag, 'withdraw', subject, 'carol')),
    ).toMatchObject({ reason: 'not-an-approver' });
    expect(await say(tag, 'withdraw', subject, 'bob')).toMatchObject({
      ...{ action: 'rollback', from: `${tag.tag}/2`, to: `${tag.tag}/1`, actor: 'bob' },
      reason: 'approval withdrawn: withdraw by bob',
    });
    expect(await run.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2] });
    expect(
      await refusedWith('ApprovalRefused', say(tag, 'withdraw', subject, 'bob')),
    ).toMatchObject({ reason: 'not-waiting' });
  });
});
