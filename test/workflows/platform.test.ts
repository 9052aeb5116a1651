import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FrozenError, InvalidRequestError, Platform } from '../../sdk/index.js';
import { verifyChain } from '../../sdk/ledger-chain.js';
import { LedgerEntry } from '../../temporal/contracts/ledger.js';
import { refusedWith } from '../../testing/refusals.js';
import { PlatformOnServer } from './support/platform.js';
import { TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
let platform: PlatformOnServer;
beforeAll(async () => {
  world = await startWorld();
  platform = new PlatformOnServer(world, 4);
  await platform.start();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
afterEach(async () => {
  world.routing.before = () => undefined;
  if ((await platform.status()).frozen) await platform.unfreeze();
  await allTold();
});

/** A registered tag with these versions promoted, oldest first. */
async function tagWith(versions: number[]): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of versions) await tag.promote(version);
  await until(
    () => platform.tags(),
    (tags) => tags.includes(tag.tag),
  );
  return tag;
}

const allTold = () =>
  until(
    () => platform.status(),
    ({ pending }) => pending.length === 0,
  );

const frozenTo = (tag: TagOnServer, awaited: boolean) =>
  until(
    () => tag.status(),
    ({ frozen }) => (frozen !== null) === awaited,
  );

/** A tag that takes no command, because the write of a promotion has not come back, until it is let go. */
async function busyTag(): Promise<{ tag: TagOnServer; letGo: () => Promise<unknown> }> {
  const tag = await tagWith([1]);
  const lease = await tag.lease(2);
  const { passed, open } = latch();
  world.routing.before = (name, fence) => (name === tag.tag && fence === 2 ? passed : undefined);
  const commit = tag.commit(lease);
  await until(
    () => tag.status(),
    ({ fence }) => fence === 2,
  );
  return {
    tag,
    letGo: () => {
      open();
      return commit;
    },
  };
}

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe('a freeze of every tag', () => {
  it('U6 refuses to begin and to commit, names who froze, and lets rollback and demote through', async () => {
    const [first, second] = [await tagWith([1, 2]), await tagWith([1])];
    const lease = await first.lease(3);
    const end = inMs(3_600_000);
    const entry = await platform.freeze({ until: end });
    expect(LedgerEntry.parse(entry)).toMatchObject({ tag: '*', action: 'freeze', actor: 'olga' });
    expect((await platform.status()).pending).toEqual([]);

    const said = { by: 'olga', until: end };
    expect(await refusedWith('Frozen', first.commit(lease))).toEqual(said);
    expect(await refusedWith('Frozen', second.begin(2))).toEqual(said);
    expect((await second.status()).frozen).toEqual({ ...said, reason: 'year end' });
    expect(await first.rollback({ from: 2 })).toMatchObject({ outcome: 'applied' });
    expect(await second.send('demote', { to: 'none' })).toMatchObject({ outcome: 'applied' });
  });

  it('U6 is lifted from all of them, and each of them says so in its ledger', async () => {
    const tags = [await tagWith([]), await tagWith([]), await tagWith([])];
    await platform.freeze();
    await platform.unfreeze();
    expect(await platform.status()).toMatchObject({ frozen: null, pending: [] });
    for (const tag of tags) {
      expect(await tag.promote(1)).toMatchObject({ action: 'promote', outcome: 'applied' });
      const [, freeze, unfreeze] = await tag.ledger();
      expect([freeze, unfreeze]).toMatchObject(
        ['freeze', 'unfreeze'].map((action) => ({
          ...{ action, actor: 'olga', reason: 'year end', workflowId: 'platform' },
          evidence: ['every tag'],
        })),
      );
    }
  });

  it('U6 holds for a tag that is defined later', async () => {
    await platform.freeze();
    const tag = await tagWith([]);
    expect((await frozenTo(tag, true)).frozen).toMatchObject({ by: 'olga', reason: 'year end' });
    await refusedWith('Frozen', tag.begin(1));
    await allTold();
    expect(await tag.actions()).toEqual(['define', 'freeze']);
    await platform.unfreeze();
    expect(await tag.promote(1)).toMatchObject({ outcome: 'applied' });
  });

  it('U6 ends by itself at its time, everywhere', async () => {
    const tag = await tagWith([]);
    await platform.freeze({ until: inMs(1_500) });
    expect((await tag.status()).frozen).not.toBeNull();
    await frozenTo(tag, false);
    await until(
      () => platform.status(),
      ({ frozen, pending }) => frozen === null && pending.length === 0,
    );
    const last = (await platform.ledger()).at(-1);
    expect(last).toMatchObject({ action: 'unfreeze', actor: 'modelyard' });
    expect(await tag.actions()).toEqual(['define', 'freeze', 'unfreeze']);
  });

  it('U6 takes the place of an older one that a tag was never let go from', async () => {
    const tag = await tagWith([]);
    await tag.send('freeze', { scope: 'platform', until: inMs(3_600_000) });
    await platform.freeze();
    expect((await platform.status()).pending).toEqual([]);
    expect((await tag.status()).frozen).toEqual({ by: 'olga', reason: 'year end', until: null });
  });

  it('U6 beside a freeze of the tag itself leaves that one where it is', async () => {
    const tag = await tagWith([]);
    await tag.send('freeze', {}, { actor: 'bob' });
    await platform.freeze();
    await platform.unfreeze();
    expect((await tag.status()).frozen).toMatchObject({ by: 'bob' });
  });
});

describe('a tag that does not answer', () => {
  it('U6 is not waited for when there is none of that name any more', async () => {
    const gone = unique('gone');
    await platform.register(gone);
    await platform.freeze();
    expect(await platform.status()).toMatchObject({ pending: [], frozen: { by: 'olga' } });
    expect(await platform.tags()).toContain(gone);
  });

  it('U6 keeps nobody else waiting, is shown, and is told later', async () => {
    const { tag, letGo } = await busyTag();
    const other = await tagWith([1]);
    await platform.freeze();
    expect((await platform.status()).pending).toEqual([tag.tag]);
    await refusedWith('Frozen', other.begin(2));
    await letGo();
    await allTold();
    expect((await tag.status()).frozen).toMatchObject({ by: 'olga' });
  });

  it('U6 is not frozen by what it hears late, when the freeze has been lifted since', async () => {
    const { tag, letGo } = await busyTag();
    const frozen = platform.freeze();
    await until(
      () => platform.status(),
      ({ pending }) => pending.length === 1 && pending[0] === tag.tag,
    );
    const lifted = platform.unfreeze();
    await frozen;
    await letGo();
    await lifted;
    await allTold();
    expect((await tag.status()).frozen).toBeNull();
    expect(await tag.promote(3)).toMatchObject({ outcome: 'applied' });
  });

  it('U6 is told though the workflow continued as new in the middle of it', async () => {
    const { tag, letGo } = await busyTag();
    const runId = await platform.runId();
    await platform.freeze();
    // Registrations fill the page; the tag has not been told by then.
    for (let count = 0; count < 4; count += 1) await tagWith([]);
    await until(
      () => platform.runId(),
      (current) => current !== runId,
    );
    expect((await platform.status()).pending).toContain(tag.tag);
    const known = await platform.tags();
    await letGo();
    await allTold();
    expect((await tag.status()).frozen).toMatchObject({ by: 'olga', reason: 'year end' });
    expect(await platform.tags()).toEqual(known);
  });
});

describe('what is asked of the platform', () => {
  it('I11 gets the same answer under the same key, and another request under it is refused', async () => {
    const key = unique('key');
    const entry = await platform.freeze({}, key);
    expect(await platform.freeze({}, key)).toEqual(entry);
    expect(
      await refusedWith('IdempotencyConflict', platform.freeze({ until: inMs(9_000) }, key)),
    ).toEqual({ idempotencyKey: key });
    await platform.unfreeze();
    expect(await platform.freeze({}, key)).toEqual(entry);
    expect((await platform.status()).frozen).toBeNull();
  });

  it('leaves no trace when it is refused (U6)', async () => {
    await refusedWith('InvalidRequest', platform.unfreeze());
    await platform.freeze();
    const { seq } = await platform.status();
    expect(await refusedWith('Frozen', platform.freeze())).toEqual({ by: 'olga', until: null });
    expect((await platform.status()).seq).toBe(seq);
  });

  it('is in a ledger of its own that chains, and in the journal', async () => {
    await platform.freeze();
    await platform.unfreeze();
    const { seq, head } = await until(
      () => platform.status(),
      ({ journal }) => journal.pending === 0,
    );
    const chain = { ok: true, checked: seq };
    expect(verifyChain(await platform.ledger(), { seq, hash: head })).toEqual(chain);
    expect(verifyChain(world.registry.journals.get('*') ?? [], { seq, hash: head })).toEqual(chain);
  });
});

describe('Platform', () => {
  const reason = 'year end';
  const connected = (): Promise<Platform> => {
    const { address, taskQueue } = world;
    return Platform.connect({ temporal: { address }, taskQueue, actor: 'pat' });
  };

  it('U6 freezes a tag and lets it go; what is refused says by whom and until when', async () => {
    await using sdk = await connected();
    const { tag } = await tagWith([]);
    const end = new Date(Date.now() + 3_600_000);
    expect(await sdk.freeze(tag, { reason, until: end })).toMatchObject({ tag, actor: 'pat' });
    expect((await sdk.status(tag)).frozen).toEqual({ by: 'pat', reason, until: end });
    const again = await sdk.freeze(tag, { reason }).catch((error: unknown) => error);
    expect(again).toBeInstanceOf(FrozenError);
    expect(again).toMatchObject({ by: 'pat', until: end });
    expect(await sdk.unfreeze(tag, { reason })).toMatchObject({ action: 'unfreeze' });
    await expect(sdk.unfreeze(tag, { reason })).rejects.toBeInstanceOf(InvalidRequestError);
  });

  it("U6 freezes every tag with '*', whose ledger it reads and verifies", async () => {
    await using sdk = await connected();
    const { tag } = await tagWith([]);
    const frozen = await sdk.freeze('*', { reason, idempotencyKey: tag });
    expect(await sdk.freeze('*', { reason, idempotencyKey: tag })).toEqual(frozen);
    expect((await sdk.status(tag)).frozen).toMatchObject({ by: 'pat', until: null });
    await expect(sdk.freeze('*', { reason })).rejects.toMatchObject({ by: 'pat', until: null });
    const lifted = await sdk.unfreeze('*', { reason });
    expect(lifted).toMatchObject({ tag: '*', workflowId: 'platform', from: null, to: null });
    expect(await sdk.ledger('*', { limit: 2 })).toEqual([lifted, frozen]);
    expect(await sdk.verify('*')).toEqual({ ok: true, checked: lifted.seq });
  });

  it('names every argument of a freeze that is wrong, and asks nothing', async () => {
    await using sdk = await connected();
    const { seq } = await platform.status();
    const options = { reason: '', until: 'tomorrow' } as unknown as { reason: string };
    const refused = await sdk.freeze('a*', options).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidRequestError);
    const { issues } = refused as InvalidRequestError;
    expect(issues.map(({ path }) => path)).toEqual(['tag', 'options.reason', 'options.until']);
    expect((await platform.status()).seq).toBe(seq);
  });
});
