import { execFileSync, spawn } from 'node:child_process';
import { verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPublicKey } from '../../activities/approvals/keys.js';
import { ConfigError } from '../../sdk/errors.js';
import { sign } from '../../sdk/signer.js';
import { signWithAgent } from '../../sdk/signing/agent.js';
import { newKey, type Ed25519Key } from '../support/ed25519.js';
import { held, heldRsa, startAgent, type AgentBehaviour } from '../support/ssh-agent.js';
import { missingSshTools } from '../support/ssh-tools.js';

const BYTES = Buffer.from('modelyard statement v1\n{}');
const ada = newKey('ada');
const bob = newKey('bob');

const signedBy = (signature: string | null, key: Ed25519Key): boolean =>
  verify(null, BYTES, key.publicKey, Buffer.from(signature ?? '', 'base64'));
const refusal = (signing: Promise<unknown>): Promise<Error> =>
  signing.then(
    () => new Error('it signed'),
    (error: unknown) => error as Error,
  );

describe('an ssh-agent', () => {
  it('signs the bytes themselves, without flags, by its first Ed25519 key', async () => {
    await using agent = await startAgent({
      keys: [heldRsa('old'), held(ada, 'ada'), held(bob, 'bob')],
    });
    expect(signedBy(await sign({ sshAgent: agent.socket }, BYTES), ada)).toBe(true);
    expect(agent.signed).toEqual([{ data: BYTES, flags: 0 }]);
  });

  it.each([
    ['comment', 'bob@work #2'],
    ['fingerprint', bob.fingerprint],
  ])('signs by the key whose %s is named', async (_what, choice) => {
    await using agent = await startAgent({ keys: [held(ada, 'ada'), held(bob, 'bob@work #2')] });
    const signature = await sign({ sshAgent: `${agent.socket}#${choice}` }, BYTES);
    expect(signedBy(signature, bob)).toBe(true);
  });

  it('is understood when its answers come a byte at a time', async () => {
    await using agent = await startAgent({ keys: [held(ada, 'ada')], dribbles: true });
    expect(signedBy(await sign({ sshAgent: agent.socket }, BYTES), ada)).toBe(true);
  });

  const cases: [string, AgentBehaviour, RegExp][] = [
    [
      'holds no key',
      { keys: [] },
      /expected.*an Ed25519 key, it holds no key; add one with ssh-add/,
    ],
    [
      'holds keys of other types only',
      { keys: [heldRsa('old')] },
      /it holds SHA256:\S+ \(ssh-rsa old\)/,
    ],
    ['does not list its keys', { keys: [], onList: 'fail' }, /does not list its keys; unlock it/],
    [
      'does not sign',
      { keys: [held(ada, 'ada')], onSign: 'fail' },
      /does not sign with SHA256:.*confirm/,
    ],
    [
      'signs by another key',
      { keys: [held(ada, 'ada')], signWith: bob },
      /expected an ssh-ed25519 signature by SHA256:/,
    ],
    ['hangs up at once', { keys: [], onList: 'hang up' }, /hung up|ECONNRESET/],
    [
      'hangs up when it is to sign',
      { keys: [held(ada, 'ada')], onSign: 'hang up' },
      /hung up|ECONNRESET/,
    ],
    ['is none', { keys: [], onList: 'babble' }, /expected a message of an agent/],
  ];
  it.each(cases)('that %s is told of with what to do', async (_what, behaviour, message) => {
    await using agent = await startAgent(behaviour);
    const error = await refusal(sign({ sshAgent: agent.socket }, BYTES));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain('MODELYARD_SIGNER_SSH_AGENT');
  });

  it('that has no key of the name given is told of with the keys it has', async () => {
    await using agent = await startAgent({ keys: [held(ada, 'ada')] });
    const error = await refusal(sign({ sshAgent: `${agent.socket}#bob` }, BYTES));
    expect(error.message).toContain("fingerprint is 'bob'");
    expect(error.message).toContain(`${ada.fingerprint} (ssh-ed25519 ada)`);
    expect(agent.signed).toEqual([]);
  });

  it.each(['onList', 'onSign'] as const)('that is silent (%s) is given up', async (request) => {
    await using agent = await startAgent({ keys: [held(ada, 'ada')], [request]: 'silence' });
    const error = await refusal(signWithAgent(agent.socket, BYTES, 200));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/did not answer within 0\.2 s/);
  });

  it.each(['/nowhere/agent.sock', '#ada'])('that is not there (%s) is told of', async (place) => {
    const error = await refusal(sign({ sshAgent: place }, BYTES));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/expected an ssh-agent at .*SSH_AUTH_SOCK/);
  });
});

describe("OpenSSH's own agent", () => {
  it('signs by the key that ssh-add gave it, and refuses when it holds none', async ({ skip }) => {
    const missing = missingSshTools('ssh-keygen', 'ssh-agent', 'ssh-add');
    skip(missing !== null, missing ?? '');
    const directory = mkdtempSync(join(tmpdir(), 'modelyard-ssh-'));
    const socket = join(directory, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(agent, 'exit');
    try {
      // It says where it listens, as soon as it does.
      await Promise.race([once(agent.stdout, 'data'), ended]);
      const keyFile = join(directory, 'key');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ada', '-f', keyFile]);
      expect((await refusal(sign({ sshAgent: socket }, BYTES))).message).toContain('holds no key');
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync('ssh-add', ['-q', keyFile], { env, stdio: 'ignore' });
      const read = readPublicKey(readFileSync(`${keyFile}.pub`, 'utf8'));
      if ('problem' in read) throw new Error(read.problem);
      for (const choice of ['', '#ada', `#${read.fingerprint}`]) {
        const signature = (await sign({ sshAgent: `${socket}${choice}` }, BYTES)) ?? '';
        expect(verify(null, BYTES, read.key, Buffer.from(signature, 'base64'))).toBe(true);
      }
    } finally {
      agent.kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
