import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMlflowRegistry } from '../../../activities/registry/mlflow.js';
import { ledgerEntries } from '../../../testing/ledger-entries.js';
import { startMlflow, type MlflowServer } from '../../support/mlflow-server.js';

let server: MlflowServer;
beforeAll(async () => {
  server = await startMlflow();
});
afterAll(async () => {
  await server.stop();
});

it("keeps the platform's own ledger in a journal like a tag's, and makes no model of it", async () => {
  const options = { trackingUri: server.url, roots: ['mlflow-artifacts:/'] };
  const entries = ledgerEntries('*', 3).map((entry) => ({ ...entry, to: null }));
  await createMlflowRegistry(options).journal(entries);
  const newestFirst = entries.toReversed();
  expect(await createMlflowRegistry(options).readJournal('*', 4, 10)).toEqual(newestFirst);
  const models = await fetch(`${server.url}/api/2.0/mlflow/registered-models/search`);
  expect(await models.json()).toEqual({});
  const found = `${server.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=modelyard/*`;
  expect(await (await fetch(found)).json()).toMatchObject({
    experiment: { name: 'modelyard/*', lifecycle_stage: 'active' },
  });
});
