import { createHash, createPublicKey, verify } from 'node:crypto';
import { ConfigError } from '../errors.js';
import { AgentConnection, type AgentAnswer } from './agent-connection.js';
import { SshReader, sshString, uint32 } from './ssh-wire.js';

// Message numbers of the agent's protocol (draft-ietf-sshm-ssh-agent).
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const NO_FLAGS = 0;

const KEY_TYPE = 'ssh-ed25519';
/** Time for the whole conversation, with what the agent may ask its user. */
const DEADLINE_MS = 10_000;

const SETTING = 'signer.sshAgent (the option, or MODELYARD_SIGNER_SSH_AGENT)';

interface AgentKey {
  blob: Buffer;
  type: string;
  comment: string;
  fingerprint: string;
}

/**
 * Signs with an Ed25519 key that an agent holds. `place` is the agent's socket, with '#' and a key's comment or SHA256
 * fingerprint where the first Ed25519 key is not the one meant.
 */
export async function signWithAgent(
  place: string,
  bytes: Uint8Array,
  deadlineMs: number = DEADLINE_MS,
): Promise<Uint8Array> {
  const [socket = '', ...rest] = place.split('#');
  const wanted = rest.length === 0 ? null : rest.join('#');
  try {
    using agent = new AgentConnection(socket, AbortSignal.timeout(deadlineMs));
    const key = chosen(identitiesIn(await agent.request(Buffer.of(REQUEST_IDENTITIES))), wanted);
    return signatureIn(await agent.request(signRequest(key, bytes)), key, bytes);
  } catch (error) {
    throw error instanceof ConfigError ? error : unanswered(socket, error, deadlineMs);
  }
}

function identitiesIn({ type, content }: AgentAnswer): AgentKey[] {
  if (type !== IDENTITIES_ANSWER)
    throw refused('the agent does not list its keys; unlock it (ssh-add -X)');
  return Array.from({ length: content.uint32() }, () => {
    const blob = content.string();
    const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
    return {
      blob,
      type: new SshReader(blob).text(),
      comment: content.text(),
      fingerprint: `SHA256:${digest}`,
    };
  });
}

function chosen(keys: AgentKey[], wanted: string | null): AgentKey {
  const usable = keys.filter(({ type }) => type === KEY_TYPE);
  const found = usable.find(
    ({ comment, fingerprint }) => wanted === null || wanted === comment || wanted === fingerprint,
  );
  if (found) return found;
  const expected =
    wanted === null
      ? 'an Ed25519 key'
      : `an Ed25519 key whose comment or fingerprint is '${wanted}'`;
  throw refused(
    `expected the agent to hold ${expected}, it holds ${listed(keys)}; add one with ssh-add`,
  );
}

function listed(keys: AgentKey[]): string {
  if (keys.length === 0) return 'no key';
  return keys
    .map(({ type, comment, fingerprint }) => `${fingerprint} (${type} ${comment})`)
    .join(', ');
}

function signRequest({ blob }: AgentKey, bytes: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.of(SIGN_REQUEST),
    sshString(blob),
    sshString(bytes),
    uint32(NO_FLAGS),
  ]);
}

function signatureIn(
  { type, content }: AgentAnswer,
  { blob, fingerprint }: AgentKey,
  bytes: Uint8Array,
): Uint8Array {
  if (type !== SIGN_RESPONSE)
    throw refused(
      `the agent does not sign with ${fingerprint}; unlock it, or confirm when it asks`,
    );
  const answer = new SshReader(content.string());
  const algorithm = answer.text();
  const signature = answer.string();
  if (algorithm === KEY_TYPE && verify(null, bytes, publicKeyIn(blob), signature)) return signature;
  throw refused(
    `expected an ${KEY_TYPE} signature by ${fingerprint}, the agent's answer (${algorithm}) is none`,
  );
}

function publicKeyIn(blob: Buffer) {
  const reader = new SshReader(blob);
  reader.string(); // the type
  const x = reader.string().toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function unanswered(socket: string, error: unknown, deadlineMs: number): ConfigError {
  const { name, code, message } = error as NodeJS.ErrnoException;
  const because =
    name === 'AbortError'
      ? `it did not answer within ${String(deadlineMs / 1000)} s; unlock it, or confirm when it asks`
      : `${code ?? message}; start one (eval $(ssh-agent)) and name its socket ($SSH_AUTH_SOCK)`;
  return new ConfigError(`${SETTING}: expected an ssh-agent at '${socket}': ${because}`, {
    cause: error,
  });
}

const refused = (message: string): ConfigError => new ConfigError(`${SETTING}: ${message}`);
