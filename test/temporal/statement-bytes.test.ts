import { describe, expect, it } from 'vitest';
import { LedgerHead, Signature, Statement } from '../../temporal/contracts/statement.js';
import { ledgerHeadBytes, statementBytes } from '../../temporal/statement-bytes.js';

const STATEMENT: Statement = {
  decision: 'approve',
  tag: 'flight-delay',
  from: 6,
  to: 7,
  digest: `sha256:${'ab'.repeat(32)}`,
  liveSeq: 41,
  workflowId: 'rollout/flight-delay/7/k1',
  actor: 'ada',
  reason: 'größer €',
  override: null,
  expiresAt: '2026-11-24T08:00:00.000Z',
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

describe('the bytes of a statement', () => {
  it('I6 are a first line and the fields in canonical order, in UTF-8', () => {
    expect(text(statementBytes(STATEMENT))).toBe(
      'modelyard statement v1\n' +
        `{"actor":"ada","decision":"approve","digest":"sha256:${'ab'.repeat(32)}",` +
        '"expiresAt":"2026-11-24T08:00:00.000Z","from":6,"liveSeq":41,"override":null,' +
        '"reason":"größer €","tag":"flight-delay","to":7,"workflowId":"rollout/flight-delay/7/k1"}',
    );
  });

  it('do not depend on the order in which the fields were set', () => {
    const reversed = Object.fromEntries(Object.entries(STATEMENT).reverse()) as Statement;
    expect(statementBytes(reversed)).toEqual(statementBytes(STATEMENT));
  });

  it('I6 differ with every field, so that a signature counts for one statement only', () => {
    const others: Statement[] = [
      { ...STATEMENT, decision: 'withdraw' },
      { ...STATEMENT, tag: 'flight-delays' },
      { ...STATEMENT, from: null },
      { ...STATEMENT, to: 8 },
      { ...STATEMENT, digest: `sha256:${'ac'.repeat(32)}` },
      { ...STATEMENT, liveSeq: 42 },
      { ...STATEMENT, workflowId: 'rollout/flight-delay/7/k2' },
      { ...STATEMENT, actor: 'bob' },
      { ...STATEMENT, reason: null },
      { ...STATEMENT, override: 'größer €' },
      { ...STATEMENT, expiresAt: null },
    ];
    const all = [STATEMENT, ...others].map((statement) => text(statementBytes(statement)));
    expect(others).toHaveLength(Object.keys(STATEMENT).length);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the bytes of a ledger head', () => {
  const head = { tag: 'flight-delay', seq: 42, hash: `sha256:${'cd'.repeat(32)}` };
  const at = '2026-11-24T08:00:00.000Z';

  it('have a first line of their own and nothing but the four fields', () => {
    const exported = { ...head, at, signature: 'x' };
    expect(text(ledgerHeadBytes(exported))).toBe(
      `modelyard ledger head v1\n{"at":"${at}","hash":"${head.hash}","seq":42,"tag":"flight-delay"}`,
    );
    expect(LedgerHead.safeParse(exported).success).toBe(false);
  });
});

describe('a statement', () => {
  it('is taken as it was signed: nothing is trimmed, nothing is left out, nothing is added', () => {
    const padded = { ...STATEMENT, reason: '  two spaces ' };
    expect(Statement.parse(padded)).toEqual(padded);
    const { override: _, ...without } = STATEMENT;
    expect(Statement.safeParse(without).success).toBe(false);
    expect(Statement.safeParse({ ...STATEMENT, note: 'x' }).success).toBe(false);
  });

  it('is refused where its text has no bytes', () => {
    const parsed = Statement.safeParse({ ...STATEMENT, reason: '\ud83d' });
    expect(parsed.error?.issues[0]).toMatchObject({
      path: ['reason'],
      message: expect.stringContaining('whole characters') as string,
    });
  });
});

describe('a signature', () => {
  const whole = Buffer.alloc(64, 0xfb).toString('base64');
  it.each([
    ['64 bytes', whole, true],
    ['63 bytes', Buffer.alloc(63).toString('base64'), false],
    ['65 bytes', Buffer.alloc(65).toString('base64'), false],
    ['64 bytes in the alphabet of URLs', Buffer.alloc(64, 0xfb).toString('base64url'), false],
    ['bits after its end', whole.replace(/.==$/, 'x=='), false],
    ['a line break', `${whole}\n`, false],
    ['nothing', '', false],
  ])('of %s is told apart', (_what, given, valid) => {
    expect(Signature.safeParse(given).success).toBe(valid);
  });
});
