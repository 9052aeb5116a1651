import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifacts } from '../../../activities/artifacts/store.js';
import { digestOfBytes } from '../../../activities/artifacts/integrity.js';
import { artifactsContract } from '../../../testing/artifacts-contract.js';
import { startHttpFaultProxy } from '../../../testing/fault-proxy/http-proxy.js';
import { refusedWith } from '../../../testing/refusals.js';
import { plantArtifact } from '../../support/mlflow-api.js';
import { startMlflow, type MlflowServer } from '../../support/mlflow-server.js';

let server: MlflowServer;
beforeAll(async () => {
  server = await startMlflow();
});
afterAll(async () => {
  await server.stop();
});

describe('artifacts behind the proxy of MLflow keep the contract of the port', () => {
  const roots = ['mlflow-artifacts:/models'];

  for (const { title, run } of artifactsContract) {
    it(title, async () => {
      await run(() =>
        Promise.resolve({
          artifacts: createArtifacts({ trackingUri: server.url, roots }),
          root: `mlflow-artifacts:/models/${randomUUID()}`,
          outside: 'mlflow-artifacts:/models-of-others/x',
          plant: (uri, content) => plantArtifact(server.url, uri, content),
          dispose: () => Promise.resolve(),
        }),
      );
    });
  }

  it('tells an outage from altered content (F10, F20)', async () => {
    const proxy = await startHttpFaultProxy(server.url);
    const artifacts = createArtifacts({ trackingUri: proxy.url, roots });
    const uri = 'mlflow-artifacts:/models/outage';
    const content = Buffer.from('content');
    await plantArtifact(server.url, uri, content);
    proxy.inject(/^GET /, { kind: 'answer', status: 503, body: 'down' }, 3);
    await refusedWith('ArtifactsUnavailable', artifacts.get(uri, digestOfBytes(content)));
    proxy.inject(/^GET /, { kind: 'truncate', bytes: 4 });
    await refusedWith('ArtifactsUnavailable', artifacts.get(uri, digestOfBytes(content)));
    proxy.inject(/^GET /, { kind: 'garble', body: 'contemt' });
    await refusedWith('Integrity', artifacts.get(uri, digestOfBytes(content)));
    expect(Buffer.from(await artifacts.get(uri, digestOfBytes(content)))).toEqual(content);
    await proxy.stop();
  });
});

describe('artifacts in the file system keep the contract of the port', () => {
  async function make() {
    const home = await mkdtemp(join(tmpdir(), 'modelyard-artifacts-'));
    const root = pathToFileURL(join(home, 'root')).href;
    return {
      home,
      artifacts: createArtifacts({ trackingUri: server.url, roots: [root] }),
      root,
      outside: pathToFileURL(join(home, 'root-of-others')).href,
      plant: async (uri: string, content: Uint8Array) => {
        const path = fileURLToPath(uri);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content);
      },
      dispose: () => rm(home, { recursive: true, force: true }),
    };
  }

  for (const { title, run } of artifactsContract) {
    it(title, async () => {
      await run(make);
    });
  }

  it('follows no link that leads out of the roots', async () => {
    const { artifacts, root, home, dispose } = await make();
    await mkdir(join(home, 'root'));
    await writeFile(join(home, 'secret'), 'secret');
    await symlink(join(home, 'secret'), join(home, 'root', 'link'));
    const digest = digestOfBytes(Buffer.from('secret'));
    await refusedWith('Misconfigured', artifacts.get(`${root}/link`, digest));
    await dispose();
  });
});
