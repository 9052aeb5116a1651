import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedgerSigner } from '../../activities/approvals/ledger-key.js';
import {
  ApprovalRefusedError,
  NoRollbackTargetError,
  Platform,
  RunFailedError,
  SelfApprovalError,
  UnknownTagError,
  type PlatformOptions,
  type RetrainHandle,
  type RolloutHandle,
  type RunStatus,
} from '../../sdk/index.js';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import { newKey } from '../support/ed25519.js';
import { definition, model } from '../workflows/policy/tag/tags.js';
import { inStage, startRetrain } from '../workflows/support/runs.js';
import { TagOnServer } from '../workflows/support/tag.js';
import { startWorld, unique, until, type World } from '../workflows/support/world.js';

const ledgerKey = newKey();
let world: World;
let ada: Platform;
let bob: Platform;
const opened: Platform[] = [];

async function connected(actor: string, over: PlatformOptions = {}): Promise<Platform> {
  const { address, taskQueue } = world;
  const platform = await Platform.connect({ temporal: { address }, taskQueue, actor, ...over });
  opened.push(platform);
  return platform;
}

beforeAll(async () => {
  world = await startWorld({
    ports: { ledgerSigner: createLedgerSigner(ledgerKey.privatePem) },
  });
  [ada, bob] = [await connected('ada'), await connected('bob')];
}, 600_000);
afterAll(async () => {
  await Promise.all(opened.map((platform) => platform.close()));
  await world[Symbol.asyncDispose]();
});

/** What a retrain's candidate passes by itself. */
const JUDGED: ModelDefinition['gate'] = {
  metrics: [{ name: 'auc', direction: 'higher', threshold: 0.6 }],
  autoPromote: true,
};

/** A tag with version 1 live, whose next candidates have to be approved. */
async function guardedTag(over: Partial<ModelDefinition> = {}): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('guarded'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  await tag.promote(1);
  await tag.define({ gate: { ...definition.gate, approval: { required: 1 } }, ...over });
  return tag;
}

const handleOf = (workflowId: string) => world.client.workflow.getHandle(workflowId);

/** Asked for by ada; it waits for its approvers. */
async function waiting(tag: TagOnServer) {
  const run = await ada.promote(tag.tag, 2, { reason: 'better', override: 'seen by hand' });
  await inStage(handleOf(run.workflowId), 'approval', 'waiting');
  return run;
}

/** As bob sees it. */
async function approvable(workflowId: string): Promise<RolloutHandle> {
  return (await bob.runs.get(workflowId)) as RolloutHandle;
}

const refusalOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

async function listed(runs: AsyncIterable<RunStatus>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of runs) ids.push(workflowId);
  return ids;
}

describe('approve', () => {
  it('lets the candidate go live, and tells the time it waited from the time it worked', async () => {
    const tag = await guardedTag();
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
    const tag = await guardedTag({
      gate: { ...definition.gate, approval: { required: 2 } },
    });
    const run = await waiting(tag);
    expect(await refusalOf(run.approve())).toBeInstanceOf(SelfApprovalError);
    const behind = await ada.promote(tag.tag, 3, { reason: 'newer', override: 'seen by hand' });
    await inStage(handleOf(behind.workflowId), 'turn', 'waiting');
    const other = await refusalOf((await approvable(behind.workflowId)).approve());
    expect(other).toMatchObject({
      reason: 'other-candidate',
      message: expect.stringContaining('it is at stage turn and waits for: turn') as string,
    });
    const mine = await approvable(run.workflowId);
    await mine.approve();
    expect(await refusalOf(mine.approve())).toMatchObject({ reason: 'already-decided' });
    await behind.cancel('not now');
    const carol = await connected('carol');
    await ((await carol.runs.get(run.workflowId)) as RolloutHandle).approve();
    await run.result();
    expect(await refusalOf(mine.approve())).toMatchObject({
      reason: 'not-waiting',
      message: expect.stringContaining("it ended 'promoted': better") as string,
    });
  });

  it('names every bad argument and sends nothing', async () => {
    const run = await approvable((await waiting(await guardedTag())).workflowId);
    expect(await refusalOf(run.approve({ comment: '', why: 1 } as never))).toMatchObject({
      issues: [{ path: 'options.comment' }, { path: 'options' }],
    });
    expect(await refusalOf(run.reject({} as never))).toMatchObject({
      issues: [{ path: 'options.comment' }],
    });
    await run.reject({ comment: 'that was all' });
  });

  it('of a retrain is of the rollout it has handed its candidate to', async () => {
    const tag = new TagOnServer(world, unique('guarded'));
    await tag.define({ gate: { ...JUDGED, approval: { required: 1 } } });
    const { workflowId } = await ada.retrain(tag.tag, { params: { quality: 0.7 } });
    const run = (await bob.runs.get(workflowId)) as RetrainHandle;
    await until(
      () => run.status(),
      ({ waitingFor }) => waitingFor?.what === 'approval',
    );
    await run.approve();
    expect(await run.result()).toMatchObject({ decision: 'promoted' });
    await run.withdraw({ comment: 'after all not' }).catch((error: unknown) => {
      expect(error).toBeInstanceOf(NoRollbackTargetError);
    });
  });

  it('is refused of a retrain that has handed nothing over', async () => {
    const tag = await guardedTag();
    const { workflowId, result } = await startRetrain(world, tag.tag);
    await result().catch(() => undefined);
    const refused = await refusalOf((await approvable(workflowId)).approve());
    expect(refused).toBeInstanceOf(ApprovalRefusedError);
    expect(refused).toMatchObject({ reason: 'not-waiting' });
  });
});

describe('reject', () => {
  it('ends the run rejected, and no commit follows', async () => {
    const run = await waiting(await guardedTag());
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
    const tag = await guardedTag();
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
    const tag = new TagOnServer(world, unique('guarded'));
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
    const carol = (await (await connected('carol')).runs.get(workflowId)) as RolloutHandle;
    await carol.approve();
    await carol.result();
    expect((await ada.status(tag.tag)).live).toBe(`${tag.tag}/1`);
  });
});

describe('a backfill', () => {
  it('is noted with who asked for it, both ends of its range included', async () => {
    const tag = await guardedTag({ schedule: { cron: '0 4 1 1 *' } });
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

describe('where the worker lists keys', () => {
  it('U9 promotes and approves by signatures, and refuses an unsigned promote at the call', async () => {
    const keys = { ada: newKey(), bob: newKey(), fire: newKey() };
    using _ = world.approvers.list({
      ada: { keys: [keys.ada.sshLine], breakGlassKeys: [keys.fire.sshLine] },
      bob: { keys: [keys.bob.sshLine] },
    });
    await using directory = await mkdtempDisposable(join(tmpdir(), 'modelyard-signer-'));
    const signer = async (name: keyof typeof keys) => {
      const keyFile = join(directory.path, name);
      await writeFile(keyFile, keys[name].privatePem);
      return connected('whoever', { signer: { keyFile } });
    };
    const [byAda, byBob, byFire] = [await signer('ada'), await signer('bob'), await signer('fire')];
    // Version 1 is live without a key's word, from before the keys were listed.
    const tag = await tagBefore();
    const options = { reason: 'better', override: 'seen by hand', expectedLive: 1 };
    for (const over of [{}, { breakGlass: true as const }])
      expect(await refusalOf(ada.promote(tag.tag, 2, { ...options, ...over }))).toMatchObject({
        reason: 'unsigned',
      });
    const run = await byAda.promote(tag.tag, 2, options);
    await inStage(handleOf(run.workflowId), 'approval', 'waiting');
    expect(await refusalOf((await approvable(run.workflowId)).approve())).toMatchObject({
      reason: 'unsigned',
    });
    expect(await refusalOf(run.approve())).toBeInstanceOf(SelfApprovalError);
    const signed = (await byBob.runs.get(run.workflowId)) as RolloutHandle;
    await signed.approve({ comment: '  seen, and good ' });
    expect(await run.committed()).toMatchObject({ actor: 'ada' });
    await signed.withdraw({ comment: 'after all not' });
    expect(await bob.status(tag.tag)).toMatchObject({ live: `${tag.tag}/1` });
    const broken = await byFire.promote(tag.tag, 3, { ...options, breakGlass: true });
    expect(await broken.committed()).toMatchObject({
      ...{ actor: 'ada', reason: 'BREAK GLASS: better' },
      to: `${tag.tag}/3`,
    });
  });

  /** The keys are listed already, so the first version goes live by a state that was made before them. */
  async function tagBefore(): Promise<TagOnServer> {
    using _ = world.approvers.list({});
    return await guardedTag();
  }
});

describe('retire', () => {
  it('ends the service; the tag is unknown to every verb until a definition is applied again', async () => {
    const tag = await guardedTag();
    expect(await ada.retire(tag.tag, { reason: 'no more flights' })).toMatchObject({
      ...{ action: 'retire', from: `${tag.tag}/1`, to: null, reason: 'no more flights' },
    });
    expect(await ada.status(tag.tag)).toMatchObject({
      live: null,
      retired: { by: 'ada', reason: 'no more flights', at: expect.any(Date) as Date },
    });
    for (const call of [
      () => ada.retire(tag.tag, { reason: 'again' }),
      () => ada.models.get(tag.tag),
      () => ada.retrain(tag.tag),
      () => ada.promote(tag.tag, 2, { reason: 'r', override: 'o' }),
      () => ada.schedules.apply(tag.tag, { cron: '0 4 * * *' }),
    ])
      expect(await refusalOf(call())).toBeInstanceOf(UnknownTagError);
    await tag.define();
    expect(await ada.models.get(tag.tag)).toMatchObject({ tag: tag.tag });
    expect((await ada.status(tag.tag)).retired).toBeNull();
  });
});

describe('ledgerHead', () => {
  it('U1 is signed by the platform, and a ledger is verified against one that was kept', async () => {
    const tag = await guardedTag();
    const head = await ada.ledgerHead(tag.tag);
    expect(head).toMatchObject({ tag: tag.tag, seq: 4, signature: expect.any(String) as string });
    await tag.quarantine(3);
    const publicKey = ledgerKey.publicPem;
    expect(await ada.verify(tag.tag, { head, publicKey })).toEqual({ ok: true, checked: 5 });
    for (const [altered, reason] of [
      [{ ...head, seq: 9 }, /not what this key signed/],
      [{ ...head, signature: null }, /carries no signature/],
    ] as const)
      expect(await ada.verify(tag.tag, { head: altered, publicKey })).toMatchObject({
        ok: false,
        firstBad: { reason: expect.stringMatching(reason) as string },
      });
    const hash = `sha256:${'0'.repeat(64)}`;
    expect(await ada.verify(tag.tag, { head: { ...head, hash } })).toMatchObject({
      ok: false,
      firstBad: { seq: 4 },
    });
    expect(await refusalOf(ada.verify(tag.tag, { publicKey }))).toMatchObject({
      issues: [{ path: 'options.head' }],
    });
    expect(await refusalOf(ada.ledgerHead('nobody-knows'))).toBeInstanceOf(UnknownTagError);
  });
});
