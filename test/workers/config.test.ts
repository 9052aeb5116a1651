import { afterEach, describe, expect, it, vi } from 'vitest';
import { verifyLedgerHead } from '../../sdk/ledger-head.js';
import { composePorts } from '../../workers/compose.js';
import { parseConfig } from '../../workers/config.js';
import { newKey } from '../support/ed25519.js';

const target = { url: 'http://127.0.0.1:8080', adminToken: { env: 'TOKEN' } };
const CONFIG = {
  home: '/srv/home',
  registry: { trackingUri: 'http://127.0.0.1:5000' },
  artifacts: { roots: ['mlflow-artifacts:/'] },
  compute: {
    default: 'local',
    targets: {
      local: {
        ...{ kind: 'process', directory: '/srv/jobs', python: '/srv/python', harness: '/srv/h' },
        slots: { cpu: 1, memoryMiB: 1 },
      },
    },
  },
  hosting: { default: 'local', targets: { local: { kind: 'process', ...target } } },
  routing: { default: 'local', targets: { local: { kind: 'gateway', ...target } } },
};
const parsed = (more: object) => parseConfig({ ...CONFIG, ...more }, {});
const ada = newKey('ada');
const bob = newKey('bob');

describe('approvers', () => {
  it('U9 are names with public keys, each for one use', () => {
    const approvers = {
      ada: { keys: [ada.sshLine, newKey().publicPem], breakGlassKeys: [newKey().sshLine] },
      bob: { keys: [bob.sshLine] },
    };
    expect(parsed({ approvers }).approvers).toEqual(approvers);
    expect(parsed({}).approvers).toBeUndefined();
  });

  it('are refused with every bad key named by its path', () => {
    const approvers = {
      ada: { keys: [ada.sshLine, 'ssh-rsa AAAA ada'], breakGlassKeys: ['hello'] },
      bob: { keys: [bob.privatePem] },
    };
    expect(() => parsed({ approvers })).toThrow(
      /approvers\.ada\.keys\.1: .*ssh-rsa.*approvers\.ada\.breakGlassKeys\.0: .*hello.*approvers\.bob\.keys\.0: .*private key/s,
    );
  });

  it('U9 are refused when two names share a key, in whichever form it stands', () => {
    const approvers = { ada: { keys: [ada.sshLine] }, bob: { keys: [ada.publicPem] } };
    expect(() => parsed({ approvers })).toThrow(
      /approvers\.bob\.keys\.0: expected a key of bob alone.*which is also ada's/,
    );
  });

  it.each([
    ['of one name', { ada: { keys: [ada.sshLine], breakGlassKeys: [ada.sshLine] } }],
    ['of two', { ada: { keys: [ada.sshLine] }, bob: { breakGlassKeys: [ada.sshLine] } }],
  ])('U9 are refused when an ordinary key %s also breaks the glass', (_whose, approvers) => {
    expect(() => parsed({ approvers })).toThrow(
      /approvers\.\w+\.breakGlassKeys\.0: expected a key/,
    );
  });

  it.each([
    ['nobody', {}, /approvers: expected one approver at least/],
    ['a name without keys', { ada: {} }, /approvers\.ada: expected keys or breakGlassKeys/],
    ['a name with empty lists', { ada: { keys: [] } }, /approvers\.ada: expected keys/],
    ['a misspelt list', { ada: { key: [ada.sshLine] } }, /approvers\.ada: .*key/],
  ])('are refused when they are %s', (_what, approvers, message) => {
    expect(() => parsed({ approvers })).toThrow(message);
  });
});

describe('a worker so configured', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  const head = {
    ...{ tag: 'churn', seq: 1, hash: `sha256:${'cd'.repeat(32)}` },
    at: '2026-11-24T08:00:00.000Z',
  };
  const statement = {
    ...({ decision: 'approve', tag: 'churn', from: null, to: 1, liveSeq: null } as const),
    ...{ digest: head.hash, workflowId: 'rollout/churn/1/k', actor: 'ada' },
    ...{ reason: null, override: null, expiresAt: null },
  };

  it("U9 asks for its approvers' signatures and signs by its ledger's key", async () => {
    vi.stubEnv('TOKEN', 'secret');
    vi.stubEnv('LEDGER_KEY', bob.privatePem);
    const ports = await composePorts(
      parsed({
        approvers: { ada: { keys: [ada.sshLine] } },
        ledger: { signingKey: { env: 'LEDGER_KEY' } },
      }),
    );
    await expect(ports.approvers.identify(statement, null)).rejects.toThrow(ada.fingerprint);
    const signature = await ports.ledgerSigner.sign(head);
    expect(verifyLedgerHead({ ...head, signature }, bob.publicPem)).toBe(true);
  });

  it('without either takes names as they are claimed and signs nothing', async () => {
    vi.stubEnv('TOKEN', 'secret');
    const ports = await composePorts(parsed({}));
    expect(await ports.approvers.identify(statement, null)).toMatchObject({ verified: false });
    expect(await ports.ledgerSigner.sign(head)).toBeNull();
  });
});

describe("the ledger's key", () => {
  it('is a reference, never the key', () => {
    const ledger = { signingKey: { env: 'LEDGER_KEY' } };
    expect(parsed({ ledger }).ledger).toEqual(ledger);
    expect(() => parsed({ ledger: { signingKey: ada.privatePem } })).toThrow(/ledger\.signingKey/);
  });
});

describe('the sweeps', () => {
  it('F11 come at an interval or not at all, and say what becomes of a foreign alias', () => {
    const reconcile = { every: '1m', onForeignAlias: 'adopt' };
    expect(parsed({ reconcile }).reconcile).toEqual(reconcile);
    expect(parsed({ reconcile: { every: 'off' } }).reconcile).toEqual({ every: 'off' });
  });

  it.each(['never', '10ms', ''])('are refused at the interval %j', (every) => {
    expect(() => parsed({ reconcile: { every } })).toThrow(/reconcile\.every/);
  });
});
