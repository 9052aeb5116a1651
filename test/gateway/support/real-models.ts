import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { HostSpec } from '../../../temporal/contracts/route.js';
import { testPython } from '../../support/mlflow-server.js';
import { makeBed, type Bed, type Changes } from './bed.js';

export const REAL_HARNESS = fileURLToPath(new URL('../../../sdk/python', import.meta.url));

const SAVE_MODELS = `
import json, sys
from pathlib import Path
import pandas as pd
from sklearn.linear_model import LinearRegression
from modelyard.filedigests import folder_files, model_digest
from modelyard.saving import Description, save_model
features = pd.DataFrame({'x': [0.0, 1.0, 2.0]})
digests = []
for slope in json.loads(sys.argv[2]):
    folder = Path(sys.argv[1]) / str(slope)
    model = LinearRegression().fit(features, [slope * x for x in features['x']])
    save_model(model, folder, None, Description('m', 'regression', {'x': 'double'}, (), features), [])
    digests.append(model_digest(folder_files(folder)))
print(json.dumps(digests))
`;

/** Stored models that answer slope * x, as the hosts that serve them. */
export async function saveModels(directory: string, slopes: number[]): Promise<HostSpec[]> {
  const folder = join(directory, 'models');
  const { stdout } = await promisify(execFile)(
    await testPython(),
    ['-c', SAVE_MODELS, folder, JSON.stringify(slopes)],
    { env: { ...process.env, PYTHONPATH: REAL_HARNESS } },
  );
  const digests = JSON.parse(stdout) as string[];
  return slopes.map((slope, index) => ({
    name: `times-${String(slope)}`,
    target: 'local',
    modelId: `times/${String(slope)}`,
    modelUri: join(folder, String(slope)),
    digest: digests[index] ?? '',
    task: 'regression',
  }));
}

/** A bed whose model servers are those of the real harness. */
export async function makeRealBed(changes: Changes = {}): Promise<Bed> {
  const python = await testPython();
  return makeBed({
    ...changes,
    modelServer: { python, harness: REAL_HARNESS, ...changes.modelServer },
  });
}
