import { describe, expect, it } from 'vitest';
import { createLedgerSigner } from '../../activities/approvals/ledger-key.js';
import { ConfigError } from '../../sdk/errors.js';
import { verifyLedgerHead } from '../../sdk/ledger-head.js';
import { newKey } from '../support/ed25519.js';

const HEAD = {
  tag: 'flight-delay',
  seq: 42,
  hash: `sha256:${'cd'.repeat(32)}`,
  at: '2026-11-24T08:00:00.000Z',
};
/** Made by openssl pkeyutl -sign -rawin with the key whose 32 bytes are 0 to 31. */
const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
`;
const SIGNATURE =
  'gvZDQSud6vTJYFKCrHvipEMLU2hk9z9CMEODJq/toinEcdRn97GokMIwpUS+S560r4VbeXxZkkhMcz0RtKfGCg==';

describe('an exported ledger head', () => {
  it('is verified by the public key alone, whoever signed it', () => {
    expect(verifyLedgerHead({ ...HEAD, signature: SIGNATURE }, PUBLIC_KEY)).toBe(true);
  });

  it('is verified when the worker signed it', async () => {
    const key = newKey();
    const signature = await createLedgerSigner(key.privatePem).sign(HEAD);
    expect(verifyLedgerHead({ ...HEAD, signature }, key.publicPem)).toBe(true);
    expect(verifyLedgerHead({ ...HEAD, signature }, newKey().publicPem)).toBe(false);
  });

  it.each([
    ['another tag', { tag: 'flight-delays' }],
    ['another number', { seq: 41 }],
    ['another hash', { hash: `sha256:${'ce'.repeat(32)}` }],
    ['another instant', { at: '2026-11-24T08:00:00.001Z' }],
    ['no signature', { signature: null }],
    ['a signature that is none', { signature: 'AAAA' }],
  ])('is not verified with %s', (_what, altered) => {
    expect(verifyLedgerHead({ ...HEAD, signature: SIGNATURE, ...altered }, PUBLIC_KEY)).toBe(false);
  });

  it.each([
    ['a private key', newKey().privatePem],
    ['no key', 'not a key'],
    ['PEM that is cut short', PUBLIC_KEY.replace('MCow', 'MC')],
  ])('is checked with no %s', (_what, pem) => {
    const check = () => verifyLedgerHead({ ...HEAD, signature: SIGNATURE }, pem);
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(/openssl pkey/);
  });
});
