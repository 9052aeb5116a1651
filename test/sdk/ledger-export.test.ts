import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedgerSigner } from '../../activities/approvals/ledger-key.js';
import { InvalidRequestError } from '../../sdk/errors.js';
import { readHead, verifyFiles, writeHead, writeLedger } from '../../sdk/ledger-export.js';
import { GENESIS_HASH } from '../../sdk/ledger-chain.js';
import { toLedgerEntry } from '../../sdk/records.js';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import { digestOf } from '../../temporal/digest.js';
import { newKey } from '../support/ed25519.js';

const TAG = 'flight-delay';
const key = newKey();
let directory: string;
const at = (name: string): string => join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'modelyard-ledger-'));
  await writeFile(at('key.pem'), key.publicPem);
});
afterEach(() => rm(directory, { recursive: true }));

/** A chain as a tag's workflow makes it. */
function ledgerOf(count: number, tag = TAG): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (let seq = 1; seq <= count; seq += 1) {
    const body = {
      ...{ tag, seq, action: 'quarantine' as const, from: null, to: `${tag}/${String(seq)}` },
      ...{ actor: 'ada', reason: 'a reason', at: '2026-11-21T09:30:00.123Z', workflowId: 'w' },
      ...{ evidence: [], digest: null, outcome: 'applied' as const, fence: null },
      previousHash: entries.at(-1)?.hash ?? GENESIS_HASH,
    };
    entries.push({ ...body, hash: digestOf(body) });
  }
  return entries;
}

/** Writes the ledger and the head of its `seq`, signed as a worker signs it. */
async function exported(entries: LedgerEntry[], seq = entries.length): Promise<void> {
  await writeLedger(at('ledger.jsonl'), entries.map(toLedgerEntry));
  const hash = entries[seq - 1]?.hash ?? GENESIS_HASH;
  const head = { tag: TAG, seq, hash, at: '2026-11-24T08:00:00.000Z' };
  const signature = await createLedgerSigner(key.privatePem).sign(head);
  await writeHead(at('head.json'), { ...head, at: new Date(head.at), signature });
}

const verified = (publicKey = at('key.pem')) =>
  verifyFiles({ ledger: at('ledger.jsonl'), head: at('head.json'), publicKey });

describe('an exported ledger', () => {
  it('U1 is verified without the platform, by a head that its key has signed', async () => {
    await exported(ledgerOf(5));
    expect(await verified()).toEqual({ ok: true, checked: 5 });
    expect(await readHead(at('head.json'))).toMatchObject({
      ...{ tag: TAG, seq: 5, at: new Date('2026-11-24T08:00:00.000Z') },
    });
  });

  it('may have grown since the head was kept, and may be empty', async () => {
    await exported(ledgerOf(5), 3);
    expect(await verified()).toEqual({ ok: true, checked: 5 });
    await exported([]);
    expect(await verified()).toEqual({ ok: true, checked: 0 });
  });

  it('I7 does not hold when an entry was altered, removed, or cut off at the end', async () => {
    const entries = ledgerOf(5);
    await exported(entries);
    const whole = await readFile(at('ledger.jsonl'), 'utf8');
    const lines = whole.trimEnd().split('\n');
    for (const [text, seq] of [
      [whole.replace('"seq":2,', '"seq":2,"note":"added",'), 2],
      [whole.replace('flight-delay/3', 'flight-delay/8'), 3],
      [lines.toSpliced(3, 1).join('\n'), 4],
      [lines.slice(0, 4).join('\n'), 5],
    ] as const) {
      await writeFile(at('ledger.jsonl'), text);
      expect(await verified()).toMatchObject({ ok: false, firstBad: { seq } });
    }
  });

  it('does not hold when it was written anew from its first entry on', async () => {
    await exported(ledgerOf(5));
    const rewritten = ledgerOf(5).map(({ hash: _, ...entry }) => ({ ...entry, actor: 'eve' }));
    const chained: LedgerEntry[] = [];
    for (const entry of rewritten) {
      const body = { ...entry, previousHash: chained.at(-1)?.hash ?? GENESIS_HASH };
      chained.push({ ...body, hash: digestOf(body) });
    }
    await writeLedger(at('ledger.jsonl'), chained.map(toLedgerEntry));
    expect(await verified()).toMatchObject({
      ok: false,
      firstBad: {
        seq: 5,
        reason: expect.stringMatching(/^the head that was kept is sha256:/) as string,
      },
    });
  });

  it('does not hold by a head of another key, of another tag, of more entries, or without a signature', async () => {
    await exported(ledgerOf(5));
    await writeFile(at('other.pem'), newKey().publicPem);
    expect(await verified(at('other.pem'))).toMatchObject({ ok: false });
    const head = await readHead(at('head.json'));
    for (const altered of [
      { seq: 4 },
      { hash: GENESIS_HASH },
      { at: new Date(0) },
      { signature: null },
    ]) {
      await writeHead(at('head.json'), { ...head, ...altered });
      expect(await verified()).toMatchObject({ ok: false });
    }
    await exported(ledgerOf(5, 'another'));
    expect(await verified()).toMatchObject({
      firstBad: { reason: 'expected the ledger of flight-delay, found an entry of another' },
    });
  });

  it('names the file and the line that is no entry, and a head that is none', async () => {
    await exported(ledgerOf(2));
    await appendFile(at('ledger.jsonl'), '{"seq":3}\n');
    const error = await verified().catch((said: unknown) => said);
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(String(error)).toContain('ledger.jsonl, line 3:');
    await writeFile(at('head.json'), '{');
    await expect(verified()).rejects.toThrow(/head\.json: expected JSON/);
    await rm(at('head.json'));
    await expect(verified()).rejects.toThrow(/head\.json: expected a file that can be read/);
  });
});
