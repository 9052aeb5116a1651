import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createMlflowRegistry } from '../../../activities/registry/mlflow.js';
import { registryContract } from '../../../testing/registry-contract.js';
import { logMetric, publishModel } from '../../support/mlflow-api.js';
import { startMlflow, type MlflowServer } from '../../support/mlflow-server.js';

let server: MlflowServer;
beforeAll(async () => {
  server = await startMlflow();
});
afterAll(async () => {
  await server.stop();
});

describe('the MLflow registry keeps the contract of the port', () => {
  for (const { title, run } of registryContract) {
    it(title, async () => {
      await run(() => {
        const options = { trackingUri: server.url, roots: ['mlflow-artifacts:/'] };
        return Promise.resolve({
          registry: createMlflowRegistry(options),
          another: createMlflowRegistry(options),
          tag: `contract.${randomUUID().slice(0, 13)}`,
          publishModel: (opened, content) => publishModel(server.url, opened, content),
          logMetric: (opened, point) => logMetric(server.url, opened, point),
          dispose: () => Promise.resolve(),
        });
      });
    });
  }
});
