import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { SshReader } from './ssh-wire.js';

const MAGIC = Buffer.from('openssh-key-v1\0', 'latin1');
const SEED_BYTES = 32;
/** PKCS#8 of an Ed25519 key up to its 32 bytes. */
const PKCS8_START = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Why a file holds no key that can sign here. */
export type Unusable = 'encrypted' | 'unreadable' | { type: string };

/** Reads what ssh-keygen writes ('-----BEGIN OPENSSH PRIVATE KEY-----'; PROTOCOL.key of OpenSSH). */
export function readOpensshKey(text: string): KeyObject | Unusable {
  try {
    return read(new SshReader(contentOf(text)));
  } catch (error) {
    if (error instanceof RangeError) return 'unreadable';
    throw error;
  }
}

function read(file: SshReader): KeyObject | Unusable {
  if (!file.bytes(MAGIC.length).equals(MAGIC)) return 'unreadable';
  const cipher = file.text();
  file.string(); // the name of the key derivation
  file.string(); // and its options
  const keys = file.uint32();
  const type = new SshReader(file.string()).text();
  if (type !== 'ssh-ed25519') return { type };
  if (cipher !== 'none') return 'encrypted';
  return keys === 1 ? readPrivate(new SshReader(file.string())) : 'unreadable';
}

function readPrivate(section: SshReader): KeyObject | Unusable {
  if (section.uint32() !== section.uint32()) return 'unreadable';
  const type = section.text();
  if (type !== 'ssh-ed25519') return { type };
  const publicBytes = section.string();
  const seed = section.string().subarray(0, SEED_BYTES);
  if (seed.length !== SEED_BYTES) return 'unreadable';
  const der = Buffer.concat([PKCS8_START, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return x === publicBytes.toString('base64url') ? key : 'unreadable';
}

function contentOf(text: string): Buffer {
  const [, body = ''] =
    /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/.exec(text) ??
    [];
  return Buffer.from(body, 'base64');
}
