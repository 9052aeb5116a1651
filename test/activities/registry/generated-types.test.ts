import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the types of the MLflow client are those of its OpenAPI document', async () => {
  const script = fileURLToPath(
    new URL('../../../scripts/generate-registry-types.mjs', import.meta.url),
  );
  const checked = promisify(execFile)(process.execPath, [script, '--check']);
  await expect(checked).resolves.toMatchObject({ stderr: '' });
});
