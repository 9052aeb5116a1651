import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { failure } from '../../temporal/errors.js';
import { ledgerHeadBytes } from '../../temporal/statement-bytes.js';
import type { LedgerSigner } from './port.js';

/** Signs with a PEM PKCS#8 private key, read at once, so that a bad one stops the worker's start and not an export. */
export function createLedgerSigner(pem: string | null): LedgerSigner {
  const key = pem === null ? null : privateKeyOf(pem);
  return {
    sign: (head) =>
      Promise.resolve(key && sign(null, ledgerHeadBytes(head), key).toString('base64')),
  };
}

function privateKeyOf(pem: string): KeyObject {
  const key = parsed(pem);
  if (key?.asymmetricKeyType === 'ed25519') return key;
  const got =
    key === null ? 'what cannot be read as one' : `one of type ${String(key.asymmetricKeyType)}`;
  throw failure(
    'Misconfigured',
    `ledger.signingKey: expected an unencrypted Ed25519 private key as PEM PKCS#8, got ${got}; make one with openssl genpkey -algorithm ed25519`,
  );
}

function parsed(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    // The reason may quote the key.
    return null;
  }
}
