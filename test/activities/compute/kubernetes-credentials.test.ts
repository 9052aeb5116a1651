import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobRef } from '../../../temporal/contracts/job.js';
import type { Account } from '../../../testing/kubernetes/control-plane.js';
import { createApi, refusedWith } from '../../../testing/kubernetes/api.js';
import { useCluster } from '../../support/kubernetes/cluster.js';
import { whyNoOwnMounts } from '../../support/own-mounts.js';
import { compile } from './compiled.js';
import { startRelay } from './kubernetes-relay.js';
import { at, eventually, IMAGES, makeKubernetesStand } from './kubernetes-stand.js';
import { type InPod, mountToken, startInPod } from './pod-position.js';

const RESULT = { step: 'train', rows: 3 };
const SUCCEEDED = { phase: 'succeeded', result: RESULT };
const TIMEOUT_MS = 120_000;
const V1 = 'client.authentication.k8s.io/v1';

describe('kubernetes compute', { timeout: TIMEOUT_MS }, () => {
  const cluster = useCluster({ images: IMAGES });

  describe('as who a credential plugin says', () => {
    it('runs a job to its end, and asks the plugin once for all its calls (F19)', async () => {
      await using asker = await withPlugin();
      const { stand, relay, plugin, compute } = asker;
      await plugin.says(stand.account.access.token);
      const spec = stand.job({ publishes: RESULT });
      const [ref] = await Promise.all([compute.ensure(spec), compute.list(), compute.list()]);
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
      expect(relay.seen.length).toBeGreaterThan(5);
      expect(await plugin.asked()).toBe(1);
    });

    it('asks it again when its token is refused, and for all calls once (F19)', async () => {
      await using asker = await withPlugin();
      const { stand, relay, plugin, compute } = asker;
      await plugin.says(stand.account.access.token);
      const file = join(stand.base, 'go-on');
      const ref = await compute.ensure(stand.job({ waitsFor: file, publishes: RESULT }));
      relay.revoke(stand.account.access.token);
      // It gives the old one still, as one that keeps what it was given does.
      await expect(compute.list()).rejects.toMatchObject({
        type: 'ComputeUnavailable',
        message: expect.stringContaining("refuses the worker's credentials"),
      });
      await plugin.says(await stand.account.token());
      const before = await plugin.asked();
      const lists = await Promise.all(Array.from({ length: 8 }, () => compute.list()));
      expect(lists.every((list) => list.length === 1)).toBe(true);
      expect((await plugin.asked()) - before).toBe(1);
      await writeFile(file, '');
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
    });

    it('loses no job while the plugin fails (F19)', async () => {
      await using asker = await withPlugin();
      const { stand, relay, plugin, compute } = asker;
      const spec = stand.job({ publishes: RESULT });
      await expect(compute.ensure(spec)).rejects.toMatchObject({
        type: 'ComputeUnavailable',
        message: expect.stringMatching(/credential plugin '.*' of kubeconfig .* exited 1: cat: /),
      });
      expect(relay.seen).toEqual([]);
      await plugin.says(stand.account.access.token);
      expect(await stand.end(await compute.ensure(spec), compute)).toEqual(SUCCEEDED);
      expect(await stand.timesRun(spec)).toBe(1);
    });
  });

  describe("in a pod's place", () => {
    it('runs a job as its service account, also after its token was replaced (F19)', async (context) => {
      const why = whyNoOwnMounts();
      if (why !== undefined) return context.skip(why);
      await using stand = await makeKubernetesStand(cluster());
      const { server, ca } = cluster();
      const bound = await boundToken(stand.account);
      const account = join(stand.base, 'account');
      await mkdir(account);
      await writeFile(join(account, 'ca.crt'), ca);
      await writeFile(join(account, 'namespace'), 'default');
      await mountToken(account, bound.token);
      using compiled = compile();
      await using inPod = startInPod(compiled, { server, account, options: stand.options });
      const file = join(stand.base, 'go-on');
      const ref = await inPod.ensure(stand.job({ waitsFor: file, publishes: RESULT }));
      await bound.revoke();
      await eventually('the old token to be refused', async () => {
        const failed = await inPod.observe(ref).then(() => undefined, String);
        return failed?.includes("refuses the worker's credentials") ? true : undefined;
      });
      await mountToken(account, await stand.account.token());
      await writeFile(file, '');
      expect(await endOf(inPod, ref)).toEqual(SUCCEEDED);
      const uses = (await cluster().audited()).filter(({ user }) => user === stand.account.user);
      expect(uses.some(({ verb, status }) => verb === 'create' && status === 201)).toBe(true);
    });
  });

  /** An adapter whose kubeconfig has a plugin that says nothing yet, and what it asks. */
  async function withPlugin() {
    await using opened = new AsyncDisposableStack();
    const stand = opened.use(await makeKubernetesStand(cluster()));
    const relay = opened.use(await startRelay(cluster()));
    const plugin = await pluginIn(stand.base, stand.account);
    const kubeconfig = await plugin.kubeconfig(relay.url);
    const compute = await stand.through(undefined, { cluster: { kubeconfig } });
    const ends = opened.move();
    const dispose = (): Promise<void> => ends.disposeAsync();
    return { stand, relay, plugin, compute, [Symbol.asyncDispose]: dispose };
  }

  const endOf = (by: InPod, ref: JobRef) =>
    eventually(`the end of ${ref.name}`, async () => {
      const seen = await by.observe(ref);
      return 'detail' in seen ? undefined : seen;
    });

  /** A token that the apiserver refuses from some moment on, as one whose pod is gone. */
  async function boundToken({ user, access }: Account) {
    const [namespace = '', name = ''] = user.split(':').slice(2);
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    const { metadata } = await cluster().api.post<{ metadata: { name: string; uid: string } }>(
      secrets,
      { metadata: { generateName: 'bound-' } },
    );
    const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', ...metadata };
    const { status } = await cluster().api.post<{ status: { token: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { boundObjectRef: { ...boundObjectRef }, expirationSeconds: 3_600 },
      },
    );
    return {
      token: status.token,
      /** Resolves when it is refused: the apiserver believes a token for some seconds. */
      revoke: async (): Promise<void> => {
        await cluster().api.delete(`${secrets}/${metadata.name}`);
        const api = createApi({ ...access, token: status.token });
        await eventually('the token to be refused', () =>
          api.get('/apis/batch/v1').then(
            () => undefined,
            (error: unknown) => refusedWith(error, 401) || undefined,
          ),
        );
        api.close();
      },
    };
  }
});

/** A plugin that prints the credential of a file, and notes that it was asked. */
async function pluginIn(base: string, account: Account) {
  const [command, credential, asked] = ['plugin', 'credential', 'asked'].map((name) =>
    join(base, name),
  );
  if (!command || !credential || !asked) throw new Error('expected three files');
  await writeFile(command, '#!/bin/sh\necho asked >> "$ASKED"\ncat "$CREDENTIAL"\n');
  await chmod(command, 0o755);
  return {
    says: (token: string) =>
      writeFile(
        credential,
        JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status: { token } }),
      ),
    asked: async () => (await readFile(asked, 'utf8')).split('\n').length - 1,
    /** As `aws eks update-kubeconfig` and `gcloud container clusters get-credentials` write it. */
    kubeconfig: async (server: string): Promise<string> => {
      const env = [
        { name: 'ASKED', value: asked },
        { name: 'CREDENTIAL', value: credential },
      ];
      const exec = {
        apiVersion: V1,
        command,
        args: ['eks', 'get-token', '--cluster-name', 'test'],
        env,
        interactiveMode: 'IfAvailable',
        provideClusterInfo: false,
      };
      const config = JSON.parse(at(account.kubeconfig, server)) as { users: { user: object }[] };
      for (const user of config.users) user.user = { exec };
      const path = join(base, 'with-plugin');
      await writeFile(path, JSON.stringify(config));
      return path;
    },
  };
}
