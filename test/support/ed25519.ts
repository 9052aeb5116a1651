import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** An Ed25519 key in every form people keep one in. OpenSSH's forms are written out here, from their descriptions. */
export interface Ed25519Key {
  privateKey: KeyObject;
  publicKey: KeyObject;
  privatePem: string;
  publicPem: string;
  /** As in a .pub file. */
  sshLine: string;
  blob: Buffer;
  fingerprint: string;
}

export function newKey(comment = 'key of a test'): Ed25519Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const blob = Buffer.concat([counted('ssh-ed25519'), counted(rawPublic(publicKey))]);
  return {
    privateKey,
    publicKey,
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    sshLine: `ssh-ed25519 ${blob.toString('base64')} ${comment}`,
    blob,
    fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replaceAll('=', '')}`,
  };
}

export interface OpensshForm {
  cipher?: string;
  keys?: number;
  /** What stands in the private section in place of the key's own public half. */
  publicHalf?: Buffer;
  checks?: [number, number];
}

/** The key as ssh-keygen writes it ('openssh-key-v1'), or as it would not. */
export function opensshPrivateKey(key: Ed25519Key, form: OpensshForm = {}): string {
  const { cipher = 'none', keys = 1, checks = [7, 7] } = form;
  const publicHalf = form.publicHalf ?? rawPublic(key.publicKey);
  const section = Buffer.concat([
    ...checks.map(fourBytes),
    counted('ssh-ed25519'),
    counted(publicHalf),
    counted(Buffer.concat([rawPrivate(key.privateKey), publicHalf])),
    counted('key of a test'),
  ]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (section.length % 8)) % 8);
  return armoured([
    counted(cipher),
    counted(cipher === 'none' ? 'none' : 'bcrypt'),
    counted(''),
    fourBytes(keys),
    counted(key.blob),
    counted(Buffer.concat([section, padding])),
  ]);
}

/** An OpenSSH file whose public half says it is of another type. */
export const opensshKeyOfType = (type: string): string =>
  armoured([
    ...['none', 'none', ''].map(counted),
    fourBytes(1),
    counted(counted(type)),
    counted(''),
  ]);

function armoured(parts: Buffer[]): string {
  const body = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...parts]).toString('base64');
  const lines = body.match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

export function counted(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([fourBytes(bytes.length), bytes]);
}

export function fourBytes(value: number): Buffer {
  return Buffer.from([value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff));
}

const rawPublic = (key: KeyObject): Buffer =>
  Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
const rawPrivate = (key: KeyObject): Buffer =>
  Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
