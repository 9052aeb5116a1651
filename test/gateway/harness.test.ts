import { execFileSync } from 'node:child_process';
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type Gateway } from '../../gateway/gateway.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { testPython } from '../support/mlflow-server.js';
import { optionsFor } from './support/bed.js';
import { Client, targetOf } from './support/client.js';
import { temporaryDirectory } from './support/gateway-process.js';

const HARNESS = fileURLToPath(new URL('../../sdk/python', import.meta.url));
const START_LIMIT_MS = 120_000;

const SAVE_A_MODEL = `
import sys
from pathlib import Path
import pandas as pd
from sklearn.linear_model import LinearRegression
from modelyard.filedigests import folder_files, model_digest
from modelyard.saving import Description, save_model
features = pd.DataFrame({'x': [0.0, 1.0, 2.0]})
model = LinearRegression().fit(features, [1.0, 3.0, 5.0])
about = Description('m-1', 'regression', {'x': 'double'}, (), features)
save_model(model, Path(sys.argv[1]), None, about, [])
print(model_digest(folder_files(Path(sys.argv[1]))))
`;

describe('the gateway with the real harness and a scikit-learn model', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let gateway: Gateway;
  let client: Client;
  let spec: HostSpec;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    const python = await testPython();
    const folder = join(directory.path, 'model');
    const digest = execFileSync(python, ['-c', SAVE_A_MODEL, folder], {
      env: { ...process.env, PYTHONPATH: HARNESS },
      encoding: 'utf8',
    }).trim();
    spec = {
      name: 'real',
      target: 'local',
      modelId: 'doubled/1',
      modelUri: folder,
      digest,
      task: 'regression',
    };
    const options = optionsFor(join(directory.path, 'gateway'));
    gateway = await startGateway(
      { ...options, modelServer: { ...options.modelServer, python, harness: HARNESS } },
      () => undefined,
    );
    client = new Client(gateway.url);
  });
  afterAll(async () => {
    await client.close();
    await gateway.close();
    await directory.remove();
  });

  it('scores every form of payload the same (G3, R10)', { timeout: START_LIMIT_MS }, async () => {
    await client.startHost(spec, { withinMs: START_LIMIT_MS });
    await client.route('doubled', 1, { live: targetOf(spec) });
    const bodies = [
      { dataframe_split: { columns: ['x'], data: [[5], [6]] } },
      { dataframe_records: [{ x: 5 }, { x: 6 }] },
    ];
    for (const body of bodies) {
      const answer = await client.score('doubled', body, { 'x-request-id': 'r' });
      expect([answer.status, answer.body['modelId'], answer.body['requestId']]).toEqual([
        200,
        'doubled/1',
        'r',
      ]);
      const [first, second] = answer.body['predictions'] as [number, number];
      expect([first, second]).toEqual([expect.closeTo(11, 6), expect.closeTo(13, 6)]);
    }
    const wrong = await client.score('doubled', { rows: [] });
    expect([wrong.status, typeof wrong.body['code'], typeof wrong.body['message']]).toEqual([
      400,
      'string',
      'string',
    ]);
  });

  it(
    'never serves a model whose files were altered (F20, R10)',
    { timeout: START_LIMIT_MS },
    async () => {
      const [file = ''] = (await readdir(spec.modelUri)).filter((name) =>
        name.startsWith('MLmodel'),
      );
      await appendFile(join(spec.modelUri, file), '\n# altered\n');
      // Another name and digest than those cached, so that the files are read again.
      const altered = {
        ...spec,
        name: 'altered',
        digest: spec.digest.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      };
      const host = await client.startHost(altered, {
        phase: 'unhealthy',
        withinMs: START_LIMIT_MS,
      });
      expect(host.detail).toContain('Integrity');
    },
  );
});
