import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('G1 the schema for editors is what the contract says', async () => {
  await promisify(execFile)(process.execPath, ['scripts/generate-json-schema.mjs', '--check'], {
    cwd: root,
  });
  const schema = JSON.parse(await readFile(`${root}/modelyard.schema.json`, 'utf8')) as {
    required: string[];
    properties: object;
  };
  expect(schema.required).toEqual(['tag', 'owner', 'training', 'gate']);
  expect(Object.keys(schema.properties)).toEqual(
    expect.arrayContaining(['$schema', 'schedule', 'rollout', 'shadow']),
  );
});
