import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** An Ed25519 public key. */
export interface PublicKey {
  key: KeyObject;
  /** 'SHA256:' and 43 characters, as `ssh-keygen -l` shows it. */
  fingerprint: string;
}

/** What stands before the 32 bytes of the key in OpenSSH's form: the key's type and the key's length, each counted. */
const BLOB_START = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1');
const KEY_BYTES = 32;

const EXPECTED =
  "expected an Ed25519 public key, 'ssh-ed25519 AAAA… name' (ssh-keygen -t ed25519) or PEM '-----BEGIN PUBLIC KEY-----' (openssl pkey -pubout)";

/** Reads a line of OpenSSH's .pub files or a PEM SPKI document; `problem` says what came instead. */
export function readPublicKey(text: string): PublicKey | { problem: string } {
  const trimmed = text.trim();
  if (trimmed.includes('PRIVATE KEY'))
    return { problem: `${EXPECTED}, got a private key: take it out and list its public half` };
  return trimmed.startsWith('-----BEGIN') ? fromPem(trimmed) : fromLine(trimmed);
}

function fromLine(line: string): PublicKey | { problem: string } {
  const [type = '', encoded = ''] = line.split(/\s+/, 2);
  if (type !== 'ssh-ed25519')
    return { problem: `${EXPECTED}, got one that begins '${start(line)}'` };
  const blob = Buffer.from(encoded, 'base64');
  const whole =
    blob.length === BLOB_START.length + KEY_BYTES &&
    blob.subarray(0, BLOB_START.length).equals(BLOB_START) &&
    blob.toString('base64') === encoded;
  if (!whole)
    return { problem: `${EXPECTED}, got '${start(line)}', which is cut short or altered` };
  const x = blob.subarray(BLOB_START.length).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return { key, fingerprint: fingerprintOf(blob) };
}

function fromPem(pem: string): PublicKey | { problem: string } {
  // Node reads a certificate as the key within it; only what says that it is a key is taken for one.
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----'))
    return { problem: `${EXPECTED}, got '${start(pem)}'` };
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType !== 'ed25519')
      return { problem: `${EXPECTED}, got one of type ${String(key.asymmetricKeyType)}` };
    const x = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
    return { key, fingerprint: fingerprintOf(Buffer.concat([BLOB_START, x])) };
  } catch {
    return { problem: `${EXPECTED}, got PEM that cannot be read` };
  }
}

const fingerprintOf = (blob: Buffer): string =>
  `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

const start = (text: string): string => text.slice(0, 24);
