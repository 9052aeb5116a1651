import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Credentials } from '../../../../activities/compute/kubernetes/credentials.js';
import { ExecPlugin } from '../../../../activities/compute/kubernetes/exec-plugin.js';
import { withFailures } from '../../../../activities/compute/kubernetes/failures.js';

const V1 = 'client.authentication.k8s.io/v1';
/** In the shape of EKS' tokens: no Bearer before it, and no JWT. */
const TOKEN = `k8s-aws-v1.${'aHR0cHM6Ly9zdHMu_-'.repeat(20)}`;

describe("a kubeconfig's credential plugin", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'modelyard-plugin-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A program that does what the shell script says. */
  const plugin = async (script: string, name = 'plugin'): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\necho asked >> "$FOLDER/asked"\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const made = (command: string, answerMs?: number) => {
    const env = [{ name: 'FOLDER', value: folder }];
    const kubeconfig = join(folder, 'kubeconfig');
    return new ExecPlugin({ apiVersion: V1, command, args: ['a b'], env }, kubeconfig, answerMs);
  };
  const says = (status: object) =>
    `echo '${JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status })}'`;
  const asked = async () => (await readFile(join(folder, 'asked'), 'utf8')).split('\n').length - 1;
  const refusal = (of: ExecPlugin) => withFailures(() => of.answer()).catch((e: unknown) => e);

  it('is asked once by all who wait for it, and is told that nobody sits before it', async () => {
    const script = `printf '%s %s' "$1" "$KUBERNETES_EXEC_INFO" > "$FOLDER/told"; sleep 0.2`;
    const of = made(await plugin(`${script}; ${says({ token: TOKEN })}`));
    const answers = await Promise.all([of.answer(), of.answer(), of.answer()]);
    expect(answers).toEqual([{ token: TOKEN }, { token: TOKEN }, { token: TOKEN }]);
    expect(await of.answer()).toEqual({ token: TOKEN });
    expect(await asked()).toBe(1);
    expect(await readFile(join(folder, 'told'), 'utf8')).toBe(
      `a b {"apiVersion":"${V1}","kind":"ExecCredential","spec":{"interactive":false}}`,
    );
  });

  it('is asked again when what it said is over, or was refused (F19)', async () => {
    const over = new Date(Date.now() - 1).toISOString();
    const of = made(await plugin(says({ token: TOKEN, expirationTimestamp: over })));
    const first = await of.answer();
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await plugin(says({ token: TOKEN, expirationTimestamp: later }));
    const second = await of.answer();
    expect(await of.answer()).toBe(second);
    expect(await asked()).toBe(2);
    of.forget(first);
    expect(await of.answer()).toBe(second);
    of.forget(second);
    expect(await of.answer()).toEqual(second);
    expect(await asked()).toBe(3);
  });

  it('may say who one is by a certificate, and stands beside the kubeconfig', async () => {
    await mkdir(join(folder, 'bin'));
    const certificate = { clientCertificateData: 'PEM', clientKeyData: 'PEM' };
    await plugin(says(certificate), 'bin/plugin');
    expect(await made('./bin/plugin').answer()).toEqual(certificate);
  });

  it.each([
    [
      'fails',
      `echo "Bearer ${TOKEN} of ${TOKEN} is over" >&2; echo no such profile: prod >&2; exit 255`,
      /exited 255: .*\(token\) is over\nno such profile: prod; `kubectl --kubeconfig .*whoami`/s,
    ],
    ['says nothing', 'exit 3', /exited 3: it said nothing/],
    ['is killed', 'kill -9 $$', /was ended by SIGKILL/],
    ['prints rubbish', `echo '${TOKEN}'`, /printed no ExecCredential \(expected: JSON\)/],
    ['prints something else', `echo '{"token":"${TOKEN}"}'`, /\(expected: kind, status\)/],
  ])('that %s is told with its words and is asked again, and no token is told', async (...of) => {
    const [, script, words] = of;
    const failing = made(await plugin(script));
    const refused = await refusal(failing);
    expect(refused).toMatchObject({ type: 'ComputeUnavailable', nonRetryable: false });
    expect(refused).toHaveProperty('message', expect.stringMatching(words));
    expect(String(refused)).not.toContain(TOKEN.slice(20, 40));
    await plugin(says({ token: TOKEN }));
    expect(await failing.answer()).toEqual({ token: TOKEN });
  });

  it('that hangs holds nobody for ever, and waits for no input (F30)', async () => {
    const hanging = made(await plugin('cat; touch "$FOLDER/went-on"; exec sleep 60'), 300);
    expect(await refusal(hanging)).toMatchObject({
      type: 'ComputeUnavailable',
      message: expect.stringContaining('did not answer in 0.3 s'),
    });
    expect(existsSync(join(folder, 'went-on'))).toBe(true);
  });

  it.each(['no-such-plugin', './no-such-plugin'])(
    'that is not installed says what to do: %s',
    async (command) => {
      expect(await refusal(made(command))).toMatchObject({
        type: 'Misconfigured',
        nonRetryable: true,
        message: expect.stringMatching(/no-such-plugin', which kubeconfig .*; install it where/),
      });
    },
  );

  it('that a kubeconfig describes wrongly is named', async () => {
    const kubeconfig = join(folder, 'kubeconfig');
    const config = {
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'eks', user: { exec: { apiVersion: V1, args: [] } } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'eks' } }],
      'current-context': 'x',
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    await expect(new Credentials({ kubeconfig }).access()).rejects.toMatchObject({
      type: 'Misconfigured',
      message: expect.stringMatching(/users\.eks\.exec: .*command/s),
    });
  });
});
