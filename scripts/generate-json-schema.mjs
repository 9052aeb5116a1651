// Writes modelyard.schema.json from the contract, for editors; with --check it only says whether the file is current.
import './typescript-sources.mjs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const file = fileURLToPath(new URL('../modelyard.schema.json', import.meta.url));
const { ModelDefinition } = await import('../temporal/contracts/definition.ts');

const { $schema, properties, ...rest } = z.toJSONSchema(ModelDefinition, {
  io: 'input',
  target: 'draft-2020-12',
});
const schema = {
  $schema,
  title: 'Modelyard model definition',
  ...rest,
  properties: { $schema: { type: 'string' }, ...properties },
};
const text = `${JSON.stringify(schema, null, 2)}\n`;

if (!process.argv.includes('--check')) {
  await writeFile(file, text);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
  console.error(
    'modelyard.schema.json differs from the contract; run: node scripts/generate-json-schema.mjs',
  );
  process.exitCode = 1;
}
