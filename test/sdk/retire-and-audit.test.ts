import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedgerSigner } from '../../activities/approvals/ledger-key.js';
import { UnknownTagError, type ListModelsOptions, type Platform } from '../../sdk/index.js';
import { newKey } from '../support/ed25519.js';
import { Guarded, refusalOf } from './fixtures/guarded.js';

const ledgerKey = newKey();
let guarded: Guarded;
let ada: Platform;

beforeAll(async () => {
  const ledgerSigner = createLedgerSigner(ledgerKey.privatePem);
  guarded = await Guarded.start({ ports: { ledgerSigner } });
  ada = await guarded.connected('ada');
}, 600_000);
afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

describe('retire', () => {
  it('ends the service; the tag is unknown to every verb until a definition is applied again', async () => {
    const tag = await guarded.tag();
    expect(await ada.retire(tag.tag, { reason: 'no more flights' })).toMatchObject({
      ...{ action: 'retire', from: `${tag.tag}/1`, to: null, reason: 'no more flights' },
    });
    expect(await ada.status(tag.tag)).toMatchObject({
      live: null,
      retired: { by: 'ada', reason: 'no more flights', at: expect.any(Date) as Date },
    });
    const listed = async (options: ListModelsOptions = {}) => {
      const tags: string[] = [];
      for await (const status of ada.models.list(options)) tags.push(status.tag);
      return tags;
    };
    expect(await listed()).toContain(tag.tag);
    expect(await listed({ state: 'empty' })).not.toContain(tag.tag);
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
    const tag = await guarded.tag();
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
