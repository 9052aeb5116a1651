import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign as signDirectly, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPublicKey } from '../../activities/approvals/keys.js';
import { ConfigError } from '../../sdk/errors.js';
import { resolveOptions } from '../../sdk/options.js';
import { sign } from '../../sdk/signer.js';
import { newKey, opensshKeyOfType, opensshPrivateKey } from '../support/ed25519.js';
import { missingSshTools } from '../support/ssh-tools.js';

const BYTES = Buffer.from('modelyard statement v1\n{}');
const directory = mkdtempSync(join(tmpdir(), 'modelyard-signer-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function fileWith(content: string): string {
  const path = join(directory, `key-${String(files++)}`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
const signedBy = (signature: string | null, key: ReturnType<typeof newKey>): boolean =>
  verify(null, BYTES, key.publicKey, Buffer.from(signature ?? '', 'base64'));
const refusal = (signing: Promise<unknown>): Promise<Error> =>
  signing.then(
    () => new Error('it signed'),
    (error: unknown) => error as Error,
  );

describe('the signer option', () => {
  it('is taken before the environment, and is none where neither says', () => {
    const environment = { MODELYARD_SIGNER_KEY_FILE: '/env/key' };
    expect(resolveOptions({ signer: { keyFile: '/a/key' } }, environment).signer).toEqual({
      keyFile: '/a/key',
    });
    expect(resolveOptions({}, environment).signer).toEqual({ keyFile: '/env/key' });
    expect(resolveOptions({}, { MODELYARD_SIGNER_SSH_AGENT: '/a.sock#ada' }).signer).toEqual({
      sshAgent: '/a.sock#ada',
    });
    const own = () => Promise.resolve(new Uint8Array(64));
    expect(resolveOptions({ signer: own }, environment).signer).toBe(own);
    expect(resolveOptions({}, { MODELYARD_SIGNER_KEY_FILE: '' }).signer).toBeNull();
  });

  it('is refused when the environment names two, unless the option decides', () => {
    const both = { MODELYARD_SIGNER_KEY_FILE: 'k', MODELYARD_SIGNER_SSH_AGENT: 'a' };
    expect(() => resolveOptions({}, both)).toThrow(ConfigError);
    expect(() => resolveOptions({}, both)).toThrow(
      /MODELYARD_SIGNER_KEY_FILE and MODELYARD_SIGNER_SSH_AGENT/,
    );
    expect(resolveOptions({ signer: { sshAgent: 'a' } }, both).signer).toEqual({ sshAgent: 'a' });
  });

  it.each([
    ['two ways at once', { keyFile: 'k', sshAgent: 'a' }],
    ['another way', { key: 'k' }],
    ['an empty path', { keyFile: '' }],
    ['a text', '/a/key'],
  ])('is refused with both ways to set it when it is %s', (_what, signer) => {
    const resolve = () => resolveOptions({ signer: signer as never }, {});
    expect(resolve).toThrow(ConfigError);
    expect(resolve).toThrow(/signer.*keyFile.*MODELYARD_SIGNER_KEY_FILE/s);
  });

  it('reads nothing before something is signed', () => {
    expect(() => resolveOptions({ signer: { keyFile: '/nowhere/key' } }, {})).not.toThrow();
  });
});

describe('signing', () => {
  it('without a signer gives no signature', async () => {
    expect(await sign(null, BYTES)).toBeNull();
  });

  it('by a function takes its 64 bytes', async () => {
    const key = newKey();
    const signer = (bytes: Uint8Array) =>
      Promise.resolve(new Uint8Array(signDirectly(null, bytes, key.privateKey)));
    expect(signedBy(await sign(signer, BYTES), key)).toBe(true);
  });

  it.each([
    ['63 bytes', () => Promise.resolve(new Uint8Array(63)), /64 bytes.*got 63 bytes/],
    ['a text', () => Promise.resolve('x'), /64 bytes.*got string/],
    ['a rejection', () => Promise.reject(new Error('the HSM is away')), /the HSM is away/],
    [
      'an exception',
      () => {
        throw new Error('no slot');
      },
      /no slot/,
    ],
  ])('by a function that answers with %s is refused', async (_what, signer, message) => {
    const error = await refusal(sign(signer as never, BYTES));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
  });
});

describe('a key file', () => {
  it('in PEM PKCS#8 signs', async () => {
    const key = newKey();
    expect(signedBy(await sign({ keyFile: fileWith(key.privatePem) }, BYTES), key)).toBe(true);
  });

  it("in OpenSSH's format signs", async () => {
    const key = newKey();
    const keyFile = fileWith(opensshPrivateKey(key));
    expect(signedBy(await sign({ keyFile }, BYTES), key)).toBe(true);
  });

  it('made by ssh-keygen signs, and its public half names the signer', async ({ skip }) => {
    const missing = missingSshTools('ssh-keygen');
    skip(missing !== null, missing ?? '');
    const keyFile = join(directory, 'by-ssh-keygen');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ada', '-f', keyFile]);
    const read = readPublicKey(readFileSync(`${keyFile}.pub`, 'utf8'));
    if ('problem' in read) throw new Error(read.problem);
    const signature = Buffer.from((await sign({ keyFile }, BYTES)) ?? '', 'base64');
    expect(verify(null, BYTES, read.key, signature)).toBe(true);
    const shown = execFileSync('ssh-keygen', ['-l', '-f', `${keyFile}.pub`], { encoding: 'utf8' });
    expect(shown).toContain(` ${read.fingerprint} `);
  });

  it('that ssh-keygen encrypted is refused with what to do', async ({ skip }) => {
    const missing = missingSshTools('ssh-keygen');
    skip(missing !== null, missing ?? '');
    const keyFile = join(directory, 'encrypted-by-ssh-keygen');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', keyFile]);
    expect((await refusal(sign({ keyFile }, BYTES))).message).toMatch(/encrypted.*ssh-add/);
  });

  it('that is not there is refused with its path and both settings', async () => {
    const error = await refusal(sign({ keyFile: join(directory, 'nowhere') }, BYTES));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/signer\.keyFile.*MODELYARD_SIGNER_KEY_FILE.*nowhere.*ENOENT/);
  });

  const encrypted = newKey().privateKey.export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
  }) as string;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const legacy = ec.export({ type: 'sec1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' });
  const whole = opensshPrivateKey(newKey());
  it.each([
    ['encrypted PEM', encrypted, /encrypted.*MODELYARD_SIGNER_SSH_AGENT/],
    ['encrypted PEM of the old kind', legacy as string, /encrypted/],
    [
      'an encrypted OpenSSH key',
      opensshPrivateKey(newKey(), { cipher: 'aes256-ctr' }),
      /encrypted/,
    ],
    [
      'a key of another type',
      ec.export({ type: 'pkcs8', format: 'pem' }) as string,
      /type ec.*ssh-keygen -t ed25519/,
    ],
    ['an OpenSSH key of another type', opensshKeyOfType('ssh-rsa'), /type ssh-rsa/],
    ['a public key', newKey().publicPem, /cannot be read/],
    ['several OpenSSH keys', opensshPrivateKey(newKey(), { keys: 2 }), /cannot be read/],
    [
      'an OpenSSH key that was cut short',
      `${whole.slice(0, 260)}\n-----END OPENSSH PRIVATE KEY-----\n`,
      /cannot be read/,
    ],
    [
      'an OpenSSH key with other check numbers',
      opensshPrivateKey(newKey(), { checks: [1, 2] }),
      /cannot be read/,
    ],
    [
      "an OpenSSH key with another's public half",
      opensshPrivateKey(newKey(), { publicHalf: Buffer.alloc(32, 1) }),
      /cannot be read/,
    ],
    ['something else', 'hello', /cannot be read/],
    ['nothing', '', /cannot be read/],
  ])('that holds %s is refused with what to do', async (_what, content, message) => {
    const error = await refusal(sign({ keyFile: fileWith(content) }, BYTES));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain('MODELYARD_SIGNER_KEY_FILE');
  });

  it('never stands in a refusal', async () => {
    const key = newKey();
    const broken = key.privatePem.replace('MC4C', 'MC4D');
    const error = await refusal(sign({ keyFile: fileWith(broken) }, BYTES));
    const body = broken.split('\n')[1] ?? '';
    expect(error).toBeInstanceOf(ConfigError);
    expect(`${error.message} ${String(error.cause)}`).not.toContain(body);
  });
});
