import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createArtifacts } from '../../../activities/artifacts/store.js';
import type { Artifacts } from '../../../activities/artifacts/port.js';
import { createProcessHosting } from '../../../activities/hosting/process.js';
import type { Hosting } from '../../../activities/hosting/port.js';
import { createGatewayMonitoring } from '../../../activities/monitoring/gateway.js';
import { createMlflowRegistry } from '../../../activities/registry/mlflow.js';
import type { Registry } from '../../../activities/registry/port.js';
import { createGatewayRouting } from '../../../activities/routing/gateway.js';
import {
  startHttpFaultProxy,
  type HttpFaultProxy,
} from '../../../testing/fault-proxy/http-proxy.js';
import type { Ports } from '../../../workers/compose.js';
import { ADMIN_TOKEN } from '../../gateway/support/gateway-process.js';
import { startMlflow, type MlflowServer } from '../../support/mlflow-server.js';
import { PublishingCompute } from './publishing.js';

/** Shorter than the ones in production, so that what never answers costs a test little. */
const TIMEOUT_MS = 1_500;
const ROOTS = ['mlflow-artifacts:/'];

/** A real MLflow server behind a proxy that faults, the adapters that go through it, and one that goes past it. */
export interface FaultyMlflow extends AsyncDisposable {
  server: MlflowServer;
  proxy: HttpFaultProxy;
  ports: { registry: Registry; artifacts: Artifacts; compute: PublishingCompute };
  /** What MLflow really holds. */
  direct: Registry;
}

export async function startFaultyMlflow(seed?: number): Promise<FaultyMlflow> {
  const server = await startMlflow();
  const proxy = await startHttpFaultProxy(server.url, { ...(seed !== undefined && { seed }) });
  const options = { trackingUri: proxy.url, roots: ROOTS, timeoutMs: TIMEOUT_MS };
  return {
    ...{ server, proxy },
    ports: {
      registry: createMlflowRegistry(options),
      artifacts: createArtifacts(options),
      compute: new PublishingCompute(server.url),
    },
    direct: createMlflowRegistry({ trackingUri: server.url, roots: ROOTS }),
    async [Symbol.asyncDispose]() {
      await proxy.stop();
      await server.stop();
    },
  };
}

/**
 * The adapters of a gateway at `url`. Its model servers stand in for the real ones: whatever model they are asked for, they
 * load one file that is made in `directory`.
 */
export async function gatewayPorts(
  url: string,
  directory: string,
): Promise<Pick<Ports, 'routing' | 'hosting' | 'monitoring'>> {
  const modelUri = join(directory, 'any-model.json');
  await writeFile(modelUri, JSON.stringify({ value: 1 }));
  const options = { url, adminToken: ADMIN_TOKEN, timeoutMs: TIMEOUT_MS };
  const hosting: Hosting = createProcessHosting(options);
  return {
    routing: createGatewayRouting(options),
    hosting: { ...hosting, ensure: (host) => hosting.ensure({ ...host, modelUri }) },
    monitoring: createGatewayMonitoring(options),
  };
}
