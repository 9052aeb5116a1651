import { ConfigError } from './errors.js';

/**
 * Signs in the caller's own process: an Ed25519 key in a file (PEM PKCS#8 or OpenSSH, unencrypted), a running ssh-agent
 * ('<socket>', or '<socket>#<comment or SHA256 fingerprint>' to choose a key), or a function that answers with the 64 bytes
 * of the signature.
 */
export type Signer =
  { keyFile: string } | { sshAgent: string } | ((bytes: Uint8Array) => Promise<Uint8Array>);

const SIGNATURE_BYTES = 64;

/**
 * The signature over the bytes as base64; null without a signer. ConfigError when the key cannot be used. Files, sockets and
 * the code for them are touched here and not before.
 */
export async function sign(signer: Signer | null, bytes: Uint8Array): Promise<string | null> {
  if (signer === null) return null;
  return Buffer.from(await signatureOf(signer, bytes)).toString('base64');
}

async function signatureOf(signer: Signer, bytes: Uint8Array): Promise<Uint8Array> {
  if (typeof signer === 'function') return askedOf(signer, bytes);
  if ('keyFile' in signer) {
    const { signWithKeyFile } = await import('./signing/key-file.js');
    return signWithKeyFile(signer.keyFile, bytes);
  }
  const { signWithAgent } = await import('./signing/agent.js');
  return signWithAgent(signer.sshAgent, bytes);
}

async function askedOf(
  signer: (bytes: Uint8Array) => Promise<unknown>,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const answer = await answerOf(signer, bytes);
  if (answer instanceof Uint8Array && answer.length === SIGNATURE_BYTES) return answer;
  const got = answer instanceof Uint8Array ? `${String(answer.length)} bytes` : typeof answer;
  throw new ConfigError(
    `signer: expected the function to answer with the 64 bytes of an Ed25519 signature, got ${got}`,
  );
}

async function answerOf(
  signer: (bytes: Uint8Array) => Promise<unknown>,
  bytes: Uint8Array,
): Promise<unknown> {
  try {
    return await signer(bytes);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `signer: expected the function given to Platform.connect to sign, it failed: ${said}`,
      { cause: error },
    );
  }
}
