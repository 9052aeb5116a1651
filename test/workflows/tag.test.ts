import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import { failure } from '../../temporal/errors.js';
import { refusedWith } from '../../testing/refusals.js';
import { verifyChain } from '../../sdk/ledger-chain.js';
import { candidate, TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A defined tag with these versions promoted, oldest first. */
async function tagWith(
  versions: number[],
  { definition = {}, commandsPerPage }: { definition?: object; commandsPerPage?: number } = {},
): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'), commandsPerPage);
  await tag.define(definition);
  for (const version of versions) await tag.promote(version);
  return tag;
}

const inSync = (tag: TagOnServer) =>
  until(
    () => tag.status(),
    ({ registry }) => registry.inSync,
  );

const liveRoute = (tag: TagOnServer): string | undefined =>
  world.routing.at(tag.tag).route.live?.modelId;

const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

/** How often the tag continued as new, and once. */
async function pagesOf(tag: TagOnServer): Promise<number> {
  const query = `WorkflowId = '${tag.workflowId}'`;
  const { count } = await world.client.workflow.count(query);
  return count;
}

const settled = <Answer>(work: Promise<Answer>): Promise<Answer | string> =>
  work.catch((error: unknown) => String((error as { type?: unknown }).type));

describe('a tag', () => {
  it('is there with its first command, however many send it at once', async () => {
    const tag = new TagOnServer(world, unique('first'));
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => tag.define()));
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    expect(await tag.actions()).toEqual(['define']);
  });

  it('promotes: the route is written once, and the ledger and the registry tell the same', async () => {
    const tag = await tagWith([1, 2]);
    expect(world.routing.writesOf(tag.tag).map(({ live }) => live)).toEqual([
      `${tag.tag}/1`,
      `${tag.tag}/2`,
    ]);
    expect(await tag.actions()).toEqual([
      ...['define', 'rollout-start', 'promote', 'rollout-start', 'promote'],
    ]);
    await inSync(tag);
    expect(world.registry.projections.get(tag.tag)?.aliases).toEqual({
      ...{ champion: 2, previous: 1, challenger: null },
    });
    const { seq, head } = await tag.status();
    const journal = world.registry.journals.get(tag.tag) ?? [];
    expect(verifyChain(journal, { seq, hash: head })).toEqual({ ok: true, checked: 5 });
  });

  it('F24 lets one of two candidates that were judged against the same live model win', async () => {
    const tag = await tagWith([1], { definition: { whenBusy: 'reject' } });
    const race = async (version: number): Promise<LedgerEntry> => {
      const lease = await tag.lease(version, { expectedLive: 1 });
      return tag.commit(lease, { workflowId: `rollout/${String(version)}` });
    };
    const ends = await Promise.all([settled(race(2)), settled(race(3))]);
    expect(ends.filter((end) => typeof end !== 'string')).toHaveLength(1);
    expect(['Busy', 'LiveChanged']).toContain(ends.find((end) => typeof end === 'string'));
    expect((await tag.actions()).filter((action) => action === 'promote')).toHaveLength(2);
    expect(liveRoute(tag)).toBe((await tag.status()).live);
  });

  it('refuses what is judged against a model that is not live any more', async () => {
    const tag = await tagWith([1, 2]);
    const details = await refusedWith('LiveChanged', tag.begin(3, { expectedLive: 1 }));
    expect(details).toMatchObject({ expected: `${tag.tag}/1`, actual: `${tag.tag}/2` });
  });

  it('keeps no trace of refused commands in its history', async () => {
    const tag = await tagWith([1]);
    await tag.quarantine(9);
    await inSync(tag);
    const before = await tag.events();
    await refusedWith('Quarantined', tag.begin(9));
    await refusedWith('LiveChanged', tag.begin(2, { expectedLive: null }));
    await refusedWith('NoRollbackTarget', tag.rollback());
    await refusedWith('LeaseLost', tag.commit('lease-of-nobody'));
    await refusedWith('InvalidRequest', tag.send('release', { version: 8 }));
    expect(await tag.events()).toBe(before);
  });

  it('refuses to roll out for a tag that nobody defined', async () => {
    const tag = new TagOnServer(world, unique('undefined'));
    expect(await refusedWith('UnknownTag', tag.begin(1))).toEqual({ tag: tag.tag });
  });

  it('R7 refuses a key that was used for another request, and answers the same request the same', async () => {
    const tag = await tagWith([]);
    const first = await tag.quarantine(7, { key: 'k' });
    expect(await tag.quarantine(7, { key: 'k' })).toEqual(first);
    expect(await refusedWith('IdempotencyConflict', tag.quarantine(8, { key: 'k' }))).toEqual({
      idempotencyKey: 'k',
    });
    expect(await tag.actions()).toEqual(['define', 'quarantine']);
  });
});

describe('a rollback', () => {
  it('F25 of a promotion under way wins, twenty times over, though the old write arrives later', async () => {
    for (let round = 0; round < 20; round += 1) {
      const tag = await tagWith([1, 2]);
      const lease = await tag.lease(3);
      const onItsWay = latch();
      const slow = latch();
      world.routing.before = (name, fence) => {
        if (name !== tag.tag || fence !== 3) return;
        onItsWay.open();
        return slow.passed;
      };
      const commit = settled(tag.commit(lease));
      await onItsWay.passed;
      const entry = await tag.rollback();
      expect(entry).toMatchObject({ from: `${tag.tag}/3`, to: `${tag.tag}/2`, outcome: 'applied' });
      expect(liveRoute(tag)).toBe(`${tag.tag}/2`);
      slow.open();
      expect(await commit).toBe('LeaseLost');
      const late = await until(
        () => world.routing.writesOf(tag.tag).find(({ fence }) => fence === 3),
        (write) => write !== undefined,
      );
      expect(late?.refused).toBe(true);
      expect(liveRoute(tag)).toBe(`${tag.tag}/2`);
      expect((await tag.actions()).slice(-3)).toEqual([
        ...['rollout-start', 'promote superseded', 'abort'],
      ]);
      expect(await tag.status()).toMatchObject({ live: `${tag.tag}/2`, quarantined: [3] });
    }
    world.routing.before = () => undefined;
  });

  it('F3 wins also when the old write arrives 400 ms later, and before its own', async () => {
    const tag = await tagWith([1, 2]);
    const lease = await tag.lease(3);
    world.routing.before = (name, fence) =>
      name === tag.tag && fence === 3
        ? new Promise((resolve) => setTimeout(resolve, 400))
        : undefined;
    const commit = settled(tag.commit(lease));
    await until(
      () => tag.status(),
      ({ fence }) => fence === 3,
    );
    await tag.rollback();
    expect(await commit).toBe('LeaseLost');
    world.routing.before = () => undefined;
    await until(
      () => world.routing.writesOf(tag.tag),
      (writes) => writes.some(({ refused }) => refused),
    );
    expect(liveRoute(tag)).toBe(`${tag.tag}/2`);
  });

  it('F25 that two people ask for at once goes back once, and both see the one entry', async () => {
    const tag = await tagWith([1, 2, 3]);
    const entries = await Promise.all(
      ['ada', 'bob', 'cyd'].map((actor) => tag.rollback({}, { actor, key: actor })),
    );
    expect(new Set(entries.map(({ hash }) => hash)).size).toBe(1);
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/2`, quarantined: [3] });
  });

  it('F25 of a candidate that two people ask for at once leaves the live model alone', async () => {
    const tag = await tagWith([1, 2]);
    await tag.lease(3);
    const entries = await Promise.all(
      ['ada', 'bob', 'cyd'].map((actor) => tag.rollback({}, { actor, key: actor })),
    );
    expect(new Set(entries.map(({ hash }) => hash)).size).toBe(1);
    expect(entries[0]).toMatchObject({ action: 'abort', from: `${tag.tag}/3` });
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/2`, quarantined: [3] });
  });

  it('F24 that comes before its rollout begins keeps it from beginning', async () => {
    const tag = await tagWith([1]);
    await tag.rollback({ from: 2 });
    await refusedWith('Quarantined', tag.begin(2));
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2] });
  });

  it('F25 of a rollback goes one further back, and with nothing left it is refused', async () => {
    const tag = await tagWith([1, 2, 3]);
    await tag.rollback();
    await tag.rollback();
    await refusedWith('NoRollbackTarget', tag.rollback());
    expect(await tag.status()).toMatchObject({ live: `${tag.tag}/1`, quarantined: [2, 3] });
  });

  it('F24 has room though six commands wait behind a slow write; the seventh is refused', async () => {
    const tag = await tagWith([1]);
    const lease = await tag.lease(2);
    const { passed, open } = latch();
    world.routing.before = (name, fence) => (name === tag.tag && fence === 2 ? passed : undefined);
    const commit = settled(tag.commit(lease));
    await until(
      () => tag.status(),
      ({ fence }) => fence === 2,
    );
    const before = await tag.accepted();
    const waiting = [11, 12, 13, 14, 15].map((version) => settled(tag.quarantine(version)));
    await until(
      () => tag.accepted(),
      (count) => count === before + 5,
    );
    const events = await tag.events();
    await refusedWith('Overloaded', tag.quarantine(17));
    expect(await tag.events()).toBe(events);
    expect(await tag.rollback()).toMatchObject({ action: 'abort', outcome: 'applied' });
    open();
    expect(await commit).toBe('LeaseLost');
    await Promise.all(waiting);
    world.routing.before = () => undefined;
    expect((await tag.status()).quarantined).toEqual([2, 11, 12, 13, 14, 15]);
  });
});

describe('the turn of a candidate', () => {
  it('U8 goes to the latest that waits, and the displaced one hears so', async () => {
    const tag = await tagWith([1]);
    const lease = await tag.lease(2);
    const [second, third] = [await tag.begin(3), await tag.begin(4)];
    expect([second.state, third.state]).toEqual(['queued', 'queued']);
    await tag.commit(lease);
    await refusedWith('Superseded', tag.begin(3, { ticket: 1 }));
    expect(await tag.begin(4, { ticket: 2 })).toMatchObject({ state: 'granted', incumbent: 2 });
  });

  it('F26 passes on when the one it was promised to is gone', async () => {
    const tag = await tagWith([1]);
    const lease = await tag.lease(2);
    await tag.begin(3, { who: { workflowId: 'rollout/nobody-runs' } });
    await tag.commit(lease);
    const next = await until(
      () => tag.begin(4),
      ({ state }) => state === 'granted',
    );
    expect(next).toMatchObject({ state: 'granted', incumbent: 2 });
  });
});

describe('a page of a tag', () => {
  it('R7 ends under three writers that send everything twice, and no command is lost or doubled', async () => {
    const tag = await tagWith([1], { commandsPerPage: 4 });
    const answers = new Map<string, unknown>();
    /** Sends a command twice at once, and remembers the answer by the command's key. */
    const send = async (update: string, fields: Record<string, unknown>, key: string) => {
      const once = () => tag.persist<{ lease: string }>(update, fields, { key, workflowId: key });
      const [answer, again] = await Promise.all([once(), once()]);
      expect(again).toEqual(answer);
      answers.set(key, answer);
      return answer;
    };
    const quarantine = (version: number) => send('quarantine', { version }, `q-${String(version)}`);
    const define = (count: number) =>
      send('define', tag.definitionFields({ description: String(count) }), `d-${String(count)}`);
    const promote = async (version: number): Promise<void> => {
      const { lease } = await send('beginRollout', candidate(version), `b-${String(version)}`);
      await send('commitRollout', { lease, step: 1 }, `c-${String(version)}`);
    };
    const eachOf = async (numbers: number[], work: (number: number) => Promise<unknown>) => {
      for (const number of numbers) await work(number);
    };
    const quarantined = range(101, 30);
    await Promise.all([
      eachOf(quarantined, quarantine),
      eachOf(range(2, 12), promote),
      eachOf(range(1, 15), define),
    ]);
    const before = new Map(answers);
    await eachOf(quarantined, quarantine);
    expect(answers).toEqual(before);
    await inSync(tag);
    const { seq, head, live } = await tag.status();
    const journal = world.registry.journals.get(tag.tag) ?? [];
    expect(verifyChain(journal, { seq, hash: head })).toEqual({ ok: true, checked: seq });
    expect(seq).toBe(3 + 30 + 24 + 15);
    expect(live).toBe(`${tag.tag}/13`);
    expect(liveRoute(tag)).toBe(`${tag.tag}/13`);
    expect(await pagesOf(tag)).toBeGreaterThan(5);
  });
});

describe('with the registry away', () => {
  it('F10 a tag rolls back, shows what it owes, and tells the registry everything in order later', async () => {
    const tag = await tagWith([1, 2]);
    await inSync(tag);
    world.registry.fault = (_, name) => {
      if (name === tag.tag) throw failure('RegistryUnavailable', 'nobody answers');
    };
    expect(await tag.rollback()).toMatchObject({ outcome: 'applied', to: `${tag.tag}/1` });
    await tag.quarantine(7);
    expect((await tag.status()).registry).toMatchObject({
      inSync: false,
      pending: 3,
      parked: null,
    });
    world.registry.fault = () => undefined;
    const { seq, head } = await inSync(tag);
    expect(verifyChain(world.registry.journals.get(tag.tag) ?? [], { seq, hash: head }).ok).toBe(
      true,
    );
    expect(world.registry.projections.get(tag.tag)).toMatchObject({
      aliases: { champion: 1, previous: null, challenger: null },
      statuses: { 1: 'champion', 2: 'quarantined', 7: 'quarantined' },
    });
  });

  it('a refusal that no retry can help parks the lane, and the status says by which words', async () => {
    const tag = await tagWith([1]);
    await inSync(tag);
    world.registry.fault = (method, name) => {
      if (name === tag.tag && method === 'journal')
        throw failure('RegistryRefused', 'no permission to write params');
    };
    await tag.quarantine(7);
    const { registry } = await until(
      () => tag.status(),
      (status) => status.registry.parked !== null && status.registry.pending === 1,
    );
    expect(registry).toEqual({
      inSync: false,
      pending: 1,
      parked: 'no permission to write params',
    });
    expect(await tag.promote(2)).toMatchObject({ outcome: 'applied' });
    world.registry.fault = () => undefined;
  });

  it('C4 a page that ends while the registry is being told leaves no late write behind', async () => {
    const tag = await tagWith([1], { commandsPerPage: 8 });
    await inSync(tag);
    const { passed, open } = latch();
    const onItsWay = latch();
    let first = true;
    world.registry.fault = (method, name) => {
      if (name !== tag.tag || method !== 'project' || !first) return;
      first = false;
      onItsWay.open();
      return passed;
    };
    await tag.quarantine(20);
    await onItsWay.passed;
    const { runId } = await tag.handle.describe();
    for (const version of range(21, 9)) await tag.quarantine(version);
    const told = (): boolean =>
      world.registry.projections.get(tag.tag)?.statuses['29'] === 'quarantined';
    // A page that did not wait for its write would tell the registry now, and the old write would come after.
    await until(told, (yes) => yes, 1_500).catch(() => undefined);
    open();
    await until(
      () => tag.handle.describe(),
      (described) => described.runId !== runId,
    );
    await inSync(tag);
    await until(told, (yes) => yes, 5_000);
  });
});

describe('the hosts of a tag', () => {
  it('U7 stay warm for their time after they were left, and are gone after it', async () => {
    const tag = await tagWith([1, 2], { definition: { rollout: { keepPreviousWarm: '1s' } } });
    const { at } = (await tag.ledger()).at(-1) as LedgerEntry;
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => models.length === 1,
    );
    expect(world.hosting.modelsOf(tag.tag)).toEqual([`${tag.tag}/2`]);
    const retiredAt = world.hosting.retiredAt.get(`${tag.tag}/1`)?.getTime() ?? 0;
    expect(retiredAt - Date.parse(at)).toBeGreaterThanOrEqual(1_000);
  });

  it('U7 are made again when a rollback goes to a model whose host is gone', async () => {
    const tag = await tagWith([1, 2], { definition: { rollout: { keepPreviousWarm: '1ms' } } });
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => models.length === 1,
    );
    world.routing.before = (name) => {
      if (name === tag.tag && !world.hosting.modelsOf(name).includes(`${name}/1`))
        throw failure('HostNotReady', 'the host is cold');
    };
    expect(await tag.rollback()).toMatchObject({ to: `${tag.tag}/1`, outcome: 'applied' });
    world.routing.before = () => undefined;
    expect(world.hosting.modelsOf(tag.tag)).toContain(`${tag.tag}/1`);
  });

  it('go with the lease of a run that gives it back', async () => {
    const tag = await tagWith([1]);
    const lease = await tag.lease(2);
    await tag.send('abortRollout', { lease, step: 2 });
    await until(
      () => world.hosting.modelsOf(tag.tag),
      (models) => models.length === 1,
    );
    expect(await tag.status()).toMatchObject({ rollout: null, live: `${tag.tag}/1` });
  });
});
