import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Artifacts } from '../activities/artifacts/port.js';
import { contractCases } from './contract-case.js';
import { refusedWith } from './refusals.js';

/** An adapter with a store of its own. */
export interface ArtifactsUnderTest {
  readonly artifacts: Artifacts;
  /** A uri below the configured roots, where nothing is yet. */
  readonly root: string;
  /** A uri that no configured root covers. */
  readonly outside: string;
  /** Writes past the adapter, as somebody with access to the store can. */
  readonly plant: (uri: string, content: Uint8Array) => Promise<void>;
  dispose(): Promise<void>;
}

/** What every adapter of the artifacts port keeps. */
export const artifactsContract = contractCases<ArtifactsUnderTest>({
  'gives back what was put, and its size': async ({ artifacts, root }) => {
    const content = bytes('weights\u0000\r\n');
    await artifacts.put(`${root}/a b/ü.bin`, content, digestOf(content));
    assert.deepEqual(bytes(await artifacts.get(`${root}/a b/ü.bin`, digestOf(content))), content);
    assert.deepEqual(await artifacts.stat(`${root}/a b/ü.bin`), { bytes: content.byteLength });
  },

  'keeps an empty object': async ({ artifacts, root }) => {
    const content = bytes('');
    await artifacts.put(`${root}/empty`, content, digestOf(content));
    assert.equal((await artifacts.get(`${root}/empty`, digestOf(content))).byteLength, 0);
  },

  'puts the same content again, at once and later, as if it were the first time (S5)': async ({
    artifacts,
    root,
  }) => {
    const content = bytes('once');
    const put = () => artifacts.put(`${root}/once`, content, digestOf(content));
    await Promise.all([put(), put(), put()]);
    await put();
    assert.deepEqual(bytes(await artifacts.get(`${root}/once`, digestOf(content))), content);
  },

  'refuses to put other content where some is': async ({ artifacts, root }) => {
    const [first, second] = [bytes('first'), bytes('second')];
    await artifacts.put(`${root}/x`, first, digestOf(first));
    await refusedWith('Integrity', artifacts.put(`${root}/x`, second, digestOf(second)));
    assert.deepEqual(bytes(await artifacts.get(`${root}/x`, digestOf(first))), first);
  },

  'refuses to put content that is not what its digest says': async ({ artifacts, root }) => {
    await refusedWith(
      'Integrity',
      artifacts.put(`${root}/x`, bytes('this'), digestOf(bytes('that'))),
    );
    assert.equal(await artifacts.stat(`${root}/x`), null);
  },

  'completes an upload that broke off (F2)': async ({ artifacts, root, plant }) => {
    const content = bytes('a whole archive');
    await plant(`${root}/x`, content.subarray(0, 5));
    await artifacts.put(`${root}/x`, content, digestOf(content));
    assert.deepEqual(bytes(await artifacts.get(`${root}/x`, digestOf(content))), content);
  },

  'refuses to give altered or missing content (F20)': async ({ artifacts, root, plant }) => {
    const content = bytes('good');
    await plant(`${root}/x`, bytes('evil'));
    const details = await refusedWith('Integrity', artifacts.get(`${root}/x`, digestOf(content)));
    assert.equal(details['expected'], digestOf(content));
    assert.equal(details['actual'], digestOf(bytes('evil')));
    await refusedWith('Integrity', artifacts.get(`${root}/absent`, digestOf(content)));
  },

  'has no size for what is not a file': async ({ artifacts, root, plant }) => {
    await plant(`${root}/folder/file`, bytes('x'));
    assert.equal(await artifacts.stat(`${root}/absent`), null);
    assert.equal(await artifacts.stat(`${root}/folder`), null);
  },

  'verifies a model whose files are the ones listed': async (scene) => {
    await scene.artifacts.verify(`${scene.root}/model`, await plantModel(scene));
  },

  'names a missing, an altered and an additional file of a model (F20)': async (scene) => {
    const files = await plantModel(scene);
    await scene.plant(`${scene.root}/model/code/extra.py`, bytes('import os'));
    await scene.plant(`${scene.root}/model/data/weights.bin`, bytes('w3ights'));
    const listed = [...files, { path: 'gone', sha256: '0'.repeat(64), bytes: 1 }];
    const details = await refusedWith(
      'Integrity',
      scene.artifacts.verify(`${scene.root}/model`, listed),
    );
    const differences = details['differences'] as { path: string; problem: string }[];
    assert.deepEqual(differences.map(({ path, problem }) => `${problem} ${path}`).sort(), [
      'additional code/extra.py',
      'altered data/weights.bin',
      'missing gone',
    ]);
  },

  'refuses a model two of whose files changed places (F20)': async (scene) => {
    const [first, second] = await plantModel(scene);
    assert.ok(first && second);
    const swapped = [
      { ...first, path: second.path },
      { ...second, path: first.path },
    ];
    await refusedWith('Integrity', scene.artifacts.verify(`${scene.root}/model`, swapped));
  },

  'refuses a model that is not there, and a list that leads out of it (F20)': async (scene) => {
    const files = await plantModel(scene);
    await refusedWith('Integrity', scene.artifacts.verify(`${scene.root}/other`, files));
    const [first] = files;
    assert.ok(first);
    await scene.plant(`${scene.root}/beside`, bytes('MLmodel'));
    const leading = [...files, { ...first, path: '../beside' }];
    await refusedWith('Integrity', scene.artifacts.verify(`${scene.root}/model`, leading));
  },

  'follows no uri outside the roots': async ({ artifacts, outside, root }) => {
    const content = bytes('x');
    await refusedWith('Misconfigured', artifacts.get(outside, digestOf(content)));
    await refusedWith('Misconfigured', artifacts.put(outside, content, digestOf(content)));
    await refusedWith('InvalidRequest', artifacts.stat(`${root}/../../../x`));
    await refusedWith('InvalidRequest', artifacts.stat('https://example.org/x'));
  },
});

async function plantModel({
  plant,
  root,
}: ArtifactsUnderTest): Promise<{ path: string; sha256: string; bytes: number }[]> {
  const contents = { MLmodel: 'MLmodel', 'data/weights.bin': 'weights' };
  const files = Object.entries(contents).map(async ([path, text]) => {
    await plant(`${root}/model/${path}`, bytes(text));
    return { path, sha256: digestOf(bytes(text)).slice('sha256:'.length), bytes: text.length };
  });
  return await Promise.all(files);
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function bytes(content: string | Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.from(content));
}
