import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApprovalActivities } from '../../../activities/approvals/activities.js';
import { createLedgerSigner } from '../../../activities/approvals/ledger-key.js';
import { createApprovers } from '../../../activities/approvals/listed-keys.js';
import { readRoster, type KeysByName } from '../../../activities/approvals/roster.js';
import type { Statement } from '../../../temporal/contracts/statement.js';
import { applicationFailure } from '../../../temporal/errors.js';
import { statementBytes } from '../../../temporal/statement-bytes.js';
import { newKey, type Ed25519Key } from '../../support/ed25519.js';
import { MemoryRegistry } from '../../workflows/support/registry.js';

const ada = newKey('ada');
const bob = newKey('bob');
const glass = newKey('glass');
const stranger = newKey('stranger');
const NOW = '2026-11-21T12:00:00.000Z';

const STATEMENT: Statement = {
  decision: 'approve',
  tag: 'flight-delay',
  from: 6,
  to: 7,
  digest: `sha256:${'ab'.repeat(32)}`,
  liveSeq: 41,
  workflowId: 'rollout/flight-delay/7/k1',
  actor: 'somebody',
  reason: null,
  override: null,
  expiresAt: null,
};
const DECISIONS = ['approve', 'reject', 'withdraw', 'promote'] as const;
const BREAK_GLASS: Statement = { ...STATEMENT, decision: 'break-glass' };
const KEYS: KeysByName = {
  ada: { keys: [ada.sshLine], breakGlassKeys: [glass.sshLine] },
  bob: { keys: [bob.publicPem] },
};

const approvers = (keys: KeysByName = {}) =>
  createApprovers(readRoster(keys).listed, () => new Date(NOW));
const signed = (statement: Statement, key: Ed25519Key): string =>
  sign(null, statementBytes(statement), key.privateKey).toString('base64');

async function refusal(asking: Promise<unknown>) {
  const failure = applicationFailure(
    await asking.then(
      (answer) => new Error(`expected a refusal, got ${JSON.stringify(answer)}`),
      (error: unknown) => error,
    ),
  );
  return {
    type: failure?.type,
    reason: (failure?.details?.[0] as { reason?: string } | undefined)?.reason,
    message: failure?.message ?? '',
    final: failure?.nonRetryable,
  };
}
const UNSIGNED = { type: 'ApprovalRefused', reason: 'unsigned', final: true };

describe('who made a statement, where no keys are listed', () => {
  it.each(DECISIONS)('U9 is a claim, recorded as unverified (%s)', async (decision) => {
    expect(await approvers().identify({ ...STATEMENT, decision }, null)).toEqual({
      actor: 'somebody',
      verified: false,
      key: null,
    });
  });

  it('U9 stays a claim with a signature that nobody can check', async () => {
    const identity = await approvers().identify(STATEMENT, signed(STATEMENT, ada));
    expect(identity.verified).toBe(false);
  });

  it.each([
    ['unsigned', null],
    ['signed', signed(BREAK_GLASS, glass)],
  ])('U9 is nobody who may break the glass (%s)', async (_how, signature) => {
    const { message, ...rest } = await refusal(approvers().identify(BREAK_GLASS, signature));
    expect(rest).toEqual(UNSIGNED);
    expect(message).toContain('approvers.<name>.breakGlassKeys');
  });
});

describe('who made a statement, where keys are listed', () => {
  it.each(DECISIONS)('U9 is whose key signed, whatever name is claimed (%s)', async (decision) => {
    const statement: Statement = { ...STATEMENT, decision, actor: 'ada' };
    expect(await approvers(KEYS).identify(statement, signed(statement, bob))).toEqual({
      actor: 'bob',
      verified: true,
      key: bob.fingerprint,
    });
  });

  it('U9 is whose break-glass key signed', async () => {
    expect(await approvers(KEYS).identify(BREAK_GLASS, signed(BREAK_GLASS, glass))).toEqual({
      actor: 'ada',
      verified: true,
      key: glass.fingerprint,
    });
  });

  it('F34 is refused unsigned, with the keys that are expected and how to sign', async () => {
    const { message, ...rest } = await refusal(approvers(KEYS).identify(STATEMENT, null));
    expect(rest).toEqual(UNSIGNED);
    expect(message).toContain(`ada ${ada.fingerprint}, bob ${bob.fingerprint}`);
    expect(message).toContain('got no signature');
    expect(message).toMatch(/signer.*MODELYARD_SIGNER_KEY_FILE.*MODELYARD_SIGNER_SSH_AGENT/);
    expect(message).not.toContain(glass.fingerprint);
  });

  const other: Statement = { ...STATEMENT, to: 8 };
  it.each([
    [
      'by a key that is not listed',
      STATEMENT,
      signed(STATEMENT, stranger),
      /another key or over another statement/,
    ],
    [
      'over another candidate',
      STATEMENT,
      signed(other, ada),
      /another key or over another statement/,
    ],
    ['by a break-glass key', STATEMENT, signed(STATEMENT, glass), /stands in ada's breakGlassKeys/],
    [
      'by an ordinary key for break-glass',
      BREAK_GLASS,
      signed(BREAK_GLASS, ada),
      /stands in ada's keys/,
    ],
    ['for another decision', BREAK_GLASS, signed(STATEMENT, glass), /over another statement/],
    [
      'with half a signature',
      STATEMENT,
      signed(STATEMENT, ada).slice(0, 40),
      /not 64 bytes as base64/,
    ],
    ['with nothing', STATEMENT, '', /not 64 bytes as base64/],
    ['with zeros', STATEMENT, Buffer.alloc(64).toString('base64'), /another key/],
  ])('F34 is refused signed %s', async (_how, statement, signature, said) => {
    const { message, ...rest } = await refusal(approvers(KEYS).identify(statement, signature));
    expect(rest).toEqual(UNSIGNED);
    expect(message).toMatch(said);
  });

  it('F34 is refused when any field differs from what was signed', async () => {
    const signature = signed(STATEMENT, ada);
    const altered: Partial<Statement>[] = [
      { decision: 'reject' },
      { tag: 'flight-delays' },
      { from: 5 },
      { to: 8 },
      { digest: `sha256:${'ac'.repeat(32)}` },
      { liveSeq: 40 },
      { workflowId: 'rollout/flight-delay/7/k2' },
      { actor: 'ada' },
      { reason: 'fine' },
      { override: 'fine' },
      { expiresAt: '2030-01-01T00:00:00.000Z' },
    ];
    expect(altered.flatMap(Object.keys).sort()).toEqual(Object.keys(STATEMENT).sort());
    for (const change of altered) {
      const asked = approvers(KEYS).identify({ ...STATEMENT, ...change }, signature);
      const { message: _, ...rest } = await refusal(asked);
      expect(rest, JSON.stringify(change)).toEqual(UNSIGNED);
    }
    expect((await approvers(KEYS).identify(STATEMENT, signature)).actor).toBe('ada');
  });

  it('each kind of key is asked for once somebody has one of its kind', async () => {
    const onlyGlass = approvers({ ada: { breakGlassKeys: [glass.sshLine] } });
    expect((await onlyGlass.identify(STATEMENT, null)).verified).toBe(false);
    expect((await onlyGlass.identify(BREAK_GLASS, signed(BREAK_GLASS, glass))).actor).toBe('ada');
    const onlyKeys = approvers({ ada: { keys: [ada.sshLine] } });
    const refused = await refusal(onlyKeys.identify(BREAK_GLASS, signed(BREAK_GLASS, ada)));
    expect(refused.message).toContain('breakGlassKeys');
  });

  it('counts the keys that a message has no room for', async () => {
    const many = Array.from({ length: 11 }, () => newKey().sshLine);
    const refused = await refusal(approvers({ team: { keys: many } }).identify(STATEMENT, null));
    expect(refused.message).toContain('and 3 more');
  });
});

describe('a statement whose time is over', () => {
  it.each([
    ['in the past', '2026-11-21T11:59:59.999Z'],
    ['now', NOW],
  ])('F34 is refused, signed or not (%s)', async (_when, expiresAt) => {
    const late: Statement = { ...STATEMENT, expiresAt };
    for (const asked of [
      approvers().identify(late, null),
      approvers(KEYS).identify(late, signed(late, ada)),
    ]) {
      const { message, ...rest } = await refusal(asked);
      expect(rest).toEqual({ type: 'ApprovalRefused', reason: 'expired', final: true });
      expect(message).toContain(expiresAt);
    }
  });

  it('counts up to then', async () => {
    const inTime: Statement = { ...STATEMENT, expiresAt: '2026-11-21T12:00:00.001Z' };
    const identity = await approvers(KEYS).identify(inTime, signed(inTime, ada));
    expect(identity.actor).toBe('ada');
  });
});

describe('the activities', () => {
  const HEAD = {
    ...{ tag: 'flight-delay', seq: 42, hash: `sha256:${'cd'.repeat(32)}` },
    at: '2026-11-24T08:00:00.000Z',
  };
  const activities = (pem: string | null = null) =>
    createApprovalActivities({
      approvers: approvers(KEYS),
      ledgerSigner: createLedgerSigner(pem),
      registry: new MemoryRegistry(),
    });

  it('signaturesRequired says whether keys are listed', async () => {
    expect(await activities().signaturesRequired()).toBe(true);
  });

  it('identifySigner answers with the identity', async () => {
    const signature = signed(STATEMENT, ada);
    const identity = await activities().identifySigner({ statement: STATEMENT, signature });
    expect(identity).toEqual({ actor: 'ada', verified: true, key: ada.fingerprint });
  });

  it('identifySigner refuses what is no statement before it looks at its signature', async () => {
    const statement = { ...STATEMENT, to: 0, note: 'x' } as Statement;
    const refused = await refusal(activities().identifySigner({ statement, signature: null }));
    expect(refused).toMatchObject({ type: 'InvalidRequest', final: true });
    expect(refused.message).toMatch(/to:.*note/s);
  });

  it('signLedgerHead answers with null without a key, and otherwise as openssl signs', async () => {
    expect(await activities().signLedgerHead(HEAD)).toBeNull();
    // The key whose 32 bytes are 0 to 31, and what openssl pkeyutl -sign -rawin made with it.
    const pem =
      '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n';
    expect(await activities(pem).signLedgerHead(HEAD)).toBe(
      'gvZDQSud6vTJYFKCrHvipEMLU2hk9z9CMEODJq/toinEcdRn97GokMIwpUS+S560r4VbeXxZkkhMcz0RtKfGCg==',
    );
  });

  it.each([
    ['no key', 'hello'],
    ['a public key', ada.publicPem],
  ])('a worker with %s to sign ledgers by does not start', (_what, pem) => {
    expect(() => createLedgerSigner(pem)).toThrow(/ledger\.signingKey.*PKCS#8.*openssl genpkey/);
  });
});
