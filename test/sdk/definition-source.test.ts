import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definitionDigest } from '../../sdk/definition-digest.js';
import { defineModel, loadDefinition } from '../../sdk/definition-source.js';
import { InvalidDefinitionError, type ModelDefinition } from '../../sdk/index.js';
import { imageDefinition } from './fixtures/definition.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'modelyard-definition-'));
});
afterEach(() => rm(directory, { recursive: true }));

function pythonDefinition(): ModelDefinition {
  const base = imageDefinition('flight-delay');
  const code = { kind: 'python' as const, directory: '.', entry: 'train.py:train' };
  return {
    ...base,
    training: {
      ...base.training,
      code,
      data: { kind: 'parquet', uri: 'data/flights.parquet', timeColumn: 'at' },
    },
  };
}
const issuesOf = (error: unknown): string[] =>
  (error as InvalidDefinitionError).issues.map(({ path }) => path);

describe('a definition', () => {
  it('R1 names every missing field at once', () => {
    const attempt = (): unknown =>
      defineModel({
        tag: 'x',
        training: { code: { kind: 'python', directory: '.', entry: 'train.py:train' } },
      } as never);
    expect(attempt).toThrow(InvalidDefinitionError);
    try {
      attempt();
    } catch (error) {
      expect(issuesOf(error)).toEqual(
        expect.arrayContaining([
          'owner',
          'training.task',
          'training.data',
          'training.features',
          'training.label',
          'training.holdout',
          'gate',
        ]),
      );
      expect(String(error)).toContain('training.label: is required');
    }
  });

  it('refuses params that JSON would bend', () => {
    const base = imageDefinition('x');
    const bent = { ...base, training: { ...base.training, params: { rate: NaN } } };
    expect(() => defineModel(bent)).toThrow(/training\.params\.rate/);
  });

  it("resolves its file's paths against the file's folder, and names all that is missing together", async () => {
    const file = join(directory, 'modelyard.json');
    await writeFile(
      file,
      JSON.stringify({ $schema: './modelyard.schema.json', ...pythonDefinition() }),
    );
    const error = await loadDefinition({ file }).catch((caught: unknown) => caught);
    expect(issuesOf(error)).toEqual(['training.code.entry', 'training.data.uri']);
    await writeFile(join(directory, 'train.py'), '');
    await mkdir(join(directory, 'data'));
    await writeFile(join(directory, 'data/flights.parquet'), '');
    const loaded = await loadDefinition({ file });
    expect(loaded.codeDirectory).toBe(directory);
    expect(loaded.notCode).toEqual([file, join(directory, 'data/flights.parquet')]);
    expect(loaded.definition.training.data).toMatchObject({
      uri: pathToFileURL(join(directory, 'data/flights.parquet')).href,
    });
  });

  it('takes a folder of data that the code lies in for code, too', async () => {
    const base = pythonDefinition();
    await writeFile(join(directory, 'train.py'), '');
    const { notCode } = await loadDefinition({
      ...base,
      training: {
        ...base.training,
        code: { kind: 'python', directory, entry: 'train.py:train' },
        data: { kind: 'parquet', uri: directory, timeColumn: 'at' },
      },
    });
    expect(notCode).toEqual([]);
  });

  it('tells missing files together with bad fields', async () => {
    const wrong = {
      ...pythonDefinition(),
      owner: undefined,
      training: {
        ...pythonDefinition().training,
        code: { kind: 'python', directory: join(directory, 'gone'), entry: 'train.py:train' },
      },
    };
    const error = await loadDefinition(wrong as never).catch((caught: unknown) => caught);
    expect(issuesOf(error)).toEqual(['owner', 'training.code.directory', 'training.data.uri']);
  });

  it('says what is wrong with a file that is absent or no JSON', async () => {
    await expect(loadDefinition({ file: join(directory, 'absent.json') })).rejects.toThrow(
      /absent\.json: expected a file/,
    );
    await writeFile(join(directory, 'bad.json'), '{');
    await expect(loadDefinition({ file: join(directory, 'bad.json') })).rejects.toThrow(
      /bad\.json: expected JSON/,
    );
  });

  it("has a digest that covers the code's content, never its place", () => {
    const at = (place: string, digest: string): ModelDefinition => {
      const base = pythonDefinition();
      const code = { kind: 'python' as const, directory: place, entry: 'train.py:train', digest };
      return { ...base, training: { ...base.training, code } };
    };
    const [one, two] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];
    expect(definitionDigest(at('/home/a', one))).toBe(definitionDigest(at('/home/b', one)));
    expect(definitionDigest(at('/home/a', one))).not.toBe(definitionDigest(at('/home/a', two)));
  });
});
