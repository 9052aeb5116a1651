import { createPrivateKey, KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../errors.js';
import { readOpensshKey, type Unusable } from './openssh-key.js';

const SETTING = 'signer.keyFile (the option, or MODELYARD_SIGNER_KEY_FILE)';

const REMEDIES = {
  encrypted:
    'it is encrypted; load it into an agent (ssh-add) and set signer.sshAgent (MODELYARD_SIGNER_SSH_AGENT) to its socket, or name an unencrypted key',
  unreadable:
    'it cannot be read as one; make one with ssh-keygen -t ed25519 or openssl genpkey -algorithm ed25519',
};

/** Signs with an unencrypted Ed25519 key, PEM PKCS#8 or OpenSSH's own format. */
export async function signWithKeyFile(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  const key = readKey(await contentOf(path));
  if (key instanceof KeyObject) return sign(null, bytes, key);
  const because =
    typeof key === 'string'
      ? REMEDIES[key]
      : `it is of type ${key.type}; name an Ed25519 key (ssh-keygen -t ed25519)`;
  throw new ConfigError(`${SETTING}: expected an Ed25519 private key in ${path}: ${because}`);
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigError(
      `${SETTING}: expected an Ed25519 private key in ${path}, which cannot be read (${code}); name a file that is there and that you may read`,
      { cause: error },
    );
  }
}

function readKey(text: string): KeyObject | Unusable {
  if (text.includes('-----BEGIN OPENSSH PRIVATE KEY-----')) return readOpensshKey(text);
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(text)) return 'encrypted';
  try {
    const key = createPrivateKey(text);
    return key.asymmetricKeyType === 'ed25519' ? key : { type: String(key.asymmetricKeyType) };
  } catch {
    // The reason may quote the key.
    return 'unreadable';
  }
}
