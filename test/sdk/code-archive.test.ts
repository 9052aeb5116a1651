import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packCode } from '../../sdk/code-archive.js';
import { InvalidDefinitionError } from '../../sdk/errors.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'modelyard-code-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function write(path: string, content: string, root = directory): Promise<string> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

async function unpacked(content: Uint8Array): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const archive = extract();
  archive.end(gunzipSync(content));
  for await (const entry of archive) files[entry.header.name] = await text(entry);
  return files;
}

describe('the code archive', () => {
  it('is the same bytes for the same files, whatever their times, order of writing and owner bits', async () => {
    await write('train.py', 'a');
    await write('lib/features.py', 'b');
    const first = await packCode(directory);
    const other = await mkdtemp(join(tmpdir(), 'modelyard-code-'));
    await write('lib/features.py', 'b', other);
    const file = await write('train.py', 'a', other);
    await utimes(file, 1, 1);
    await chmod(file, 0o600);
    const second = await packCode(other);
    await rm(other, { recursive: true });
    expect(Buffer.from(second.content).equals(first.content)).toBe(true);
    expect(second.digest).toBe(first.digest);
  });

  it('has the digest that other machines and releases computed', async () => {
    await write('train.py', 'def train(features, labels, params): ...\n');
    expect((await packCode(directory)).digest).toMatchInlineSnapshot(
      `"sha256:91f4f460cf943a65e2168c102967b812c0341b15d10c61bdd0f61236fc9aa496"`,
    );
  });

  it('changes its digest with a byte, a name or the executable bit', async () => {
    const file = await write('train.py', 'a');
    const digests = new Set([(await packCode(directory)).digest]);
    await chmod(file, 0o755);
    digests.add((await packCode(directory)).digest);
    await writeFile(file, 'b');
    digests.add((await packCode(directory)).digest);
    await write('other.py', '');
    digests.add((await packCode(directory)).digest);
    expect(digests.size).toBe(4);
  });

  it('leaves out what never travels and what .modelyardignore names, which cannot bring the former back', async () => {
    for (const path of [
      'train.py',
      '.git/HEAD',
      'lib/__pycache__/x.pyc',
      '.venv/bin/python',
      'node_modules/x/i.js',
      '.modelyard/state',
      'data/big.parquet',
      'notes.md',
    ]) {
      await write(path, path);
    }
    await write('.modelyardignore', '*.md\ndata/\n!.git\n');
    expect(Object.keys(await unpacked((await packCode(directory)).content))).toEqual([
      '.modelyardignore',
      'train.py',
    ]);
  });

  it('leaves out the file of the definition and its data, also where a link names them', async () => {
    for (const path of ['train.py', 'modelyard.json', 'data/day.parquet', 'lib/modelyard.json'])
      await write(path, path);
    await symlink('data/day.parquet', join(directory, 'sample.parquet'));
    const notCode = ['modelyard.json', 'data'].map((path) => join(directory, path));
    const first = await packCode(directory, notCode);
    expect(Object.keys(await unpacked(first.content))).toEqual(['lib/modelyard.json', 'train.py']);
    await write('modelyard.json', 'another description');
    await write('data/day.parquet', 'x'.repeat(21 * 1024 * 1024));
    expect((await packCode(directory, notCode)).digest).toBe(first.digest);
  });

  it('packs the file an inner link names, and refuses links that lead outside or to folders', async () => {
    await write('lib/features.py', 'b');
    await symlink('lib/features.py', join(directory, 'features.py'));
    expect((await unpacked((await packCode(directory)).content))['features.py']).toBe('b');
    await symlink(tmpdir(), join(directory, 'outside'));
    await symlink('lib', join(directory, 'folder'));
    await symlink('nothing', join(directory, 'dangling'));
    const error = await packCode(directory).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    expect((error as InvalidDefinitionError).issues.map(({ message }) => message).sort()).toEqual([
      expect.stringContaining('dangling names nothing'),
      expect.stringContaining('folder names the folder lib'),
      expect.stringContaining('outside leads outside'),
    ]);
  });

  it('F23 refuses more than 20 MiB and names the biggest files', async () => {
    await write('train.py', 'a');
    await write('weights.bin', 'x'.repeat(21 * 1024 * 1024));
    await expect(packCode(directory)).rejects.toThrow(
      /20971520 bytes.*\.modelyardignore.*weights\.bin/s,
    );
  });
});
