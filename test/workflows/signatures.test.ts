import { sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApprovalSubject, ApprovalView } from '../../temporal/contracts/approval.js';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import type { Statement } from '../../temporal/contracts/statement.js';
import { rolloutWorkflowId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';
import { statementBytes } from '../../temporal/statement-bytes.js';
import { refusedWith } from '../../testing/refusals.js';
import type { rollout } from '../../workflows/rollout.js';
import { judgingDigest } from '../../workflows/policy/tag/define.js';
import { newKey, type Ed25519Key } from '../support/ed25519.js';
import { definition, model } from './policy/tag/tags.js';
import { inStage, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, type World } from './support/world.js';

const [ada, bob, fire, stranger] = [newKey(), newKey(), newKey(), newKey()];
let world: World;
beforeAll(async () => {
  world = await startWorld();
  world.approvers.list({
    ada: { keys: [ada.sshLine], breakGlassKeys: [fire.sshLine] },
    bob: { keys: [bob.publicPem] },
  });
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const gate: ModelDefinition['gate'] = { ...definition.gate, approval: { required: 1 } };
const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();

/** A tag of which nothing is live yet, with versions 1 and 2 registered. */
async function guardedTag(over: Partial<ModelDefinition> = {}): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('signed'));
  await tag.define({ gate, ...over });
  for (const version of [1, 2]) world.registry.add(tag.tag, model(version));
  return tag;
}

const signed = (statement: Statement, key: Ed25519Key) => ({
  signature: sign(null, statementBytes(statement), key.privateKey).toString('base64'),
  expiresAt: statement.expiresAt ?? '',
});

/** A person's promote, of version 1 unless told, as the SDK starts it; unsigned without a key. */
async function promote(
  tag: TagOnServer,
  by: { key?: Ed25519Key; breakGlass?: true; version?: number; says?: Partial<Statement> },
) {
  const { version = 1 } = by;
  const workflowId = rolloutWorkflowId(tag.tag, version, unique('key'));
  const statement: Statement = {
    decision: by.breakGlass ? 'break-glass' : 'promote',
    ...{ tag: tag.tag, from: null, to: version, liveSeq: null, workflowId },
    ...{ digest: model(version).digest },
    ...{ actor: 'whoever', reason: 'it is time', override: 'seen by hand' },
    expiresAt: IN_AN_HOUR,
    ...by.says,
  };
  const request = {
    ...{ tag: tag.tag, version, actor: 'whoever', reason: 'it is time' },
    ...{ override: 'seen by hand', requested: { key: workflowId, hash: 'hash' } },
    ...(by.breakGlass && { breakGlass: by.breakGlass }),
    ...(by.key && { signed: signed(statement, by.key) }),
  };
  const { client, taskQueue } = world;
  return client.workflow.start<typeof rollout>(WORKFLOWS.rollout, {
    ...{ workflowId, taskQueue, args: [request] },
  });
}

async function say(
  tag: TagOnServer,
  decision: 'approve' | 'reject' | 'withdraw',
  by: { key?: Ed25519Key; as?: string; subject: ApprovalSubject; says?: Partial<Statement> },
): Promise<unknown> {
  const { as: actor = 'whoever' } = by;
  const { rollout: workflowId, version: to, digest, from, liveSeq } = by.subject;
  const statement: Statement = {
    ...{ decision, tag: tag.tag, from, to, digest, liveSeq, workflowId },
    ...{ actor, reason: 'looked at it', override: null, expiresAt: IN_AN_HOUR },
    ...by.says,
  };
  return tag.send(
    decision,
    { subject: by.subject, ...(by.key && { signed: signed(statement, by.key) }) },
    { actor, reason: 'looked at it' },
  );
}

async function subjectOf(tag: TagOnServer): Promise<ApprovalSubject> {
  const view = await tag.handle.query<ApprovalView | null>('approval');
  if (view === null) throw new Error('expected a candidate that has to be approved');
  return view.subject;
}

describe('where the worker lists keys', () => {
  it('U9 the key is the actor of a promote and of an approval, whatever name is claimed', async () => {
    const tag = await guardedTag();
    const run = await promote(tag, { key: ada });
    await inStage(run, 'approval', 'waiting');
    const subject = await subjectOf(tag);
    await refusedWith('SelfApproval', say(tag, 'approve', { key: ada, subject }));
    await say(tag, 'approve', { key: bob, subject });
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    const entry = (await tag.ledger()).at(-1);
    expect(entry).toMatchObject({ action: 'promote', actor: 'ada' });
    expect(entry?.evidence).toContainEqual(
      expect.stringMatching(
        new RegExp(`^approved by bob at .*, ${bob.fingerprint}$`.replaceAll('+', '\\+')),
      ),
    );
  });

  it('refuses an unsigned approval, one by a key that is not listed, and one for another statement', async () => {
    const tag = await guardedTag();
    await inStage(await promote(tag, { key: ada }), 'approval', 'waiting');
    const subject = await subjectOf(tag);
    for (const by of [
      {},
      { key: stranger },
      { key: fire },
      { key: bob, says: { decision: 'reject' as const } },
      { key: bob, says: { digest: model(2).digest } },
      { key: bob, says: { from: 2 } },
      { key: bob, says: { liveSeq: 7 } },
      { key: bob, says: { tag: 'another' } },
      { key: bob, says: { workflowId: 'rollout/another' } },
      { key: bob, says: { reason: 'did not look at it' } },
    ])
      expect(
        await refusedWith('ApprovalRefused', say(tag, 'approve', { ...by, subject })),
      ).toMatchObject({ reason: 'unsigned' });
    const past = '2026-01-01T00:00:00.000Z';
    expect(
      await refusedWith(
        'ApprovalRefused',
        say(tag, 'approve', { key: bob, subject, says: { expiresAt: past } }),
      ),
    ).toMatchObject({ reason: 'expired' });
    expect((await tag.handle.query<ApprovalView>('approval')).approval.given).toEqual([]);
    await say(tag, 'reject', { key: bob, subject });
  });

  it('ends an unsigned promote rejected, and one by a key that is not listed', async () => {
    const tag = await guardedTag();
    for (const by of [{}, { key: stranger }, { key: ada, says: { override: 'other words' } }])
      expect(await (await promote(tag, by)).result()).toMatchObject({
        ...{ outcome: 'rejected', entry: null },
        reason: expect.stringContaining('expected the promote of') as string,
      });
    expect(await tag.actions()).toEqual(['define']);
  });

  it('I2 believes no rollout that claims a gate which the registry does not know of', async () => {
    const tag = await guardedTag({ gate: { ...gate, autoPromote: true } });
    const judgedUnder = judgingDigest({ ...definition, gate: { ...gate, autoPromote: true } });
    const retrain = {
      workflowId: 'retrain/none',
      incumbent: null,
      judgedUnder,
      registryRunId: 'r',
    };
    const claimed = await startRollout(world, tag.tag, { version: 1, retrain });
    expect(await claimed.result()).toMatchObject({ outcome: 'rejected', entry: null });
    expect(await refusedWith('ApprovalRefused', tag.begin(1))).toMatchObject({
      reason: 'unsigned',
    });
    const passed = { verdict: 'passed', incumbent: null, judgedUnder, policyDigest: judgedUnder };
    Object.assign(world.registry.versionsOf(tag.tag)[0] ?? {}, { gate: passed });
    const known = await startRollout(world, tag.tag, { version: 1, retrain });
    await inStage(known, 'approval', 'waiting');
    await say(tag, 'reject', { key: bob, subject: await subjectOf(tag) });
    expect(await known.result()).toMatchObject({ outcome: 'rejected' });
  });

  it('breaks the glass by a key that is listed for it, without approval, and the ledger cries it out', async () => {
    const tag = await guardedTag();
    for (const by of [{}, { key: ada }, { key: stranger }])
      expect(await (await promote(tag, { ...by, breakGlass: true })).result()).toMatchObject({
        outcome: 'rejected',
      });
    const run = await promote(tag, { key: fire, breakGlass: true });
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    expect((await tag.ledger()).at(-1)).toMatchObject({
      ...{ action: 'promote', actor: 'ada', reason: 'BREAK GLASS: it is time' },
      evidence: expect.arrayContaining([
        expect.stringContaining('BREAK GLASS') as string,
        'override: seen by hand',
      ]) as string[],
    });
    expect((await tag.status()).live).toBe(`${tag.tag}/1`);
  });

  it("U9 takes a key's own approval back and no one else's", async () => {
    const tag = await guardedTag();
    await (await promote(tag, { key: fire, breakGlass: true })).result();
    const run = await promote(tag, { key: ada, version: 2 });
    await inStage(run, 'approval', 'waiting');
    const subject = await subjectOf(tag);
    await say(tag, 'approve', { key: bob, subject });
    await run.result();
    const withdrawn = (by: { key?: Ed25519Key; as?: string }) =>
      say(tag, 'withdraw', { ...by, subject });
    for (const by of [{ as: 'bob' }, { key: stranger, as: 'bob' }])
      expect(await refusedWith('ApprovalRefused', withdrawn(by))).toMatchObject({
        reason: 'unsigned',
      });
    expect(await refusedWith('ApprovalRefused', withdrawn({ key: ada }))).toMatchObject({
      reason: 'not-an-approver',
    });
    expect(await withdrawn({ key: bob })).toMatchObject({ action: 'rollback', actor: 'bob' });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2] });
  });
});
