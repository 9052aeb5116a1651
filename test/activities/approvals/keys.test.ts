import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readPublicKey } from '../../../activities/approvals/keys.js';
import { counted, newKey, opensshPrivateKey } from '../../support/ed25519.js';

const key = newKey('ada@laptop');
const read = (text: string) => {
  const outcome = readPublicKey(text);
  return 'problem' in outcome ? outcome.problem : outcome.fingerprint;
};
const lineOf = (blob: Buffer): string => `ssh-ed25519 ${blob.toString('base64')} x`;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

describe('a public key', () => {
  it.each([
    ["a line of OpenSSH's", key.sshLine],
    ['a line without a comment', key.sshLine.split(' ').slice(0, 2).join(' ')],
    ['a line with its line break', `${key.sshLine}\n`],
    ['PEM', key.publicPem],
  ])('is read from %s, and has the fingerprint that ssh-keygen shows', (_form, text) => {
    expect(read(text)).toBe(key.fingerprint);
  });

  it('is the same key from both forms', () => {
    const [line, pem] = [readPublicKey(key.sshLine), readPublicKey(key.publicPem)];
    if ('problem' in line || 'problem' in pem) throw new Error('expected two keys');
    expect(line.key.equals(pem.key)).toBe(true);
    expect(line.key.equals(key.publicKey)).toBe(true);
  });

  it.each([
    ['another type', 'ssh-rsa AAAAB3NzaC1yc2E= ada', /got one that begins 'ssh-rsa/],
    ['options before it', `no-pty ${key.sshLine}`, /got one that begins 'no-pty/],
    ['no key', '', /got one that begins ''/],
    ['a line that is cut short', key.sshLine.slice(0, 60), /cut short or altered/],
    [
      'a line with another type within',
      lineOf(Buffer.concat([counted('ssh-ed25518'), counted(Buffer.alloc(32))])),
      /cut short or altered/,
    ],
    [
      'a key that is too long',
      lineOf(Buffer.concat([key.blob, Buffer.alloc(3)])),
      /cut short or altered/,
    ],
    [
      'PEM of another type',
      rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string,
      /got one of type rsa/,
    ],
    ['PEM that is cut short', key.publicPem.replace('MCow', 'MC'), /PEM that cannot be read/],
    [
      'a certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      /BEGIN CERTIFICATE/,
    ],
  ])('is refused for %s, with the forms that are expected', (_what, text, message) => {
    expect(read(text)).toMatch(/expected an Ed25519 public key, 'ssh-ed25519 AAAA… name'.*PEM/);
    expect(read(text)).toMatch(message);
  });

  it.each([
    ['PEM', key.privatePem],
    ["OpenSSH's format", opensshPrivateKey(key)],
  ])('is refused for a private one in %s, which the message does not show', (_form, text) => {
    expect(read(text)).toContain('got a private key: take it out');
    expect(read(text)).not.toContain(text.split('\n')[1]);
  });
});
