import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { Signature, type LedgerHead } from '../temporal/contracts/statement.js';
import { ledgerHeadBytes } from '../temporal/statement-bytes.js';
import { ConfigError } from './errors.js';

/**
 * Whether the platform's key signed this end of a ledger; needs neither the platform nor a network. False for a head nobody
 * signed. ConfigError when the key is no Ed25519 public key in PEM.
 */
export function verifyLedgerHead(
  { signature, ...head }: LedgerHead & { signature: string | null },
  publicKeyPem: string,
): boolean {
  const key = publicKeyOf(publicKeyPem);
  if (!Signature.safeParse(signature).success || signature === null) return false;
  return verify(null, ledgerHeadBytes(head), key, Buffer.from(signature, 'base64'));
}

function publicKeyOf(pem: string): KeyObject {
  const key = parsed(pem);
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new ConfigError(
    "the ledger's key: expected an Ed25519 public key, PEM '-----BEGIN PUBLIC KEY-----'; write it with openssl pkey -in <private key> -pubout",
  );
}

function parsed(pem: string): KeyObject | null {
  // Node would take a private key, or a certificate, for the public key within it.
  if (!pem.trim().startsWith('-----BEGIN PUBLIC KEY-----')) return null;
  try {
    return createPublicKey(pem);
  } catch {
    return null;
  }
}
