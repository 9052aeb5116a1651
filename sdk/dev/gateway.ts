import { setTimeout as sleep } from 'node:timers/promises';

import { ensureService } from '../../temporal/server/service.js';
import type { Layout } from './layout.js';
import type { Tools } from './setup/tools.mjs';

export interface GatewayOptions {
  node: string;
  entry: string;
  build: string;
  port: number;
  adminToken: string;
  trackingUri: string;
  tools: Tools;
}

const MODELS_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

export async function startGateway(layout: Layout, options: GatewayOptions): Promise<void> {
  const { node, entry, build, port, adminToken, trackingUri, tools } = options;
  await ensureService(
    {
      name: 'The gateway',
      command: node,
      args: [entry, '--data', layout.gateway, '--host', '127.0.0.1', '--port', String(port)],
      env: {
        MODELYARD_GATEWAY_ADMIN_TOKEN: adminToken,
        MODELYARD_PYTHON: tools.python,
        MODELYARD_HARNESS: tools.harness,
        MODELYARD_HOME: tools.home,
        MLFLOW_TRACKING_URI: trackingUri,
      },
      version: [build, tools.python, trackingUri].join(' '),
      logFile: layout.log('gateway'),
      recordFile: layout.record('gateway'),
    },
    { probe: () => isHealthy(port), timeoutMs: 30_000 },
  );
  await modelsAnswer(port, adminToken);
}

/** The models of an earlier start load anew; one that cannot is not waited for, it must not hold up the others. */
async function modelsAnswer(port: number, adminToken: string): Promise<void> {
  const deadline = Date.now() + MODELS_TIMEOUT_MS;
  while ((await isLoading(port, adminToken)) && Date.now() < deadline) await sleep(POLL_MS);
}

async function isLoading(port: number, adminToken: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${String(port)}/admin/hosts`, {
    headers: { authorization: `Bearer ${adminToken}` },
    signal: AbortSignal.timeout(2_000),
  });
  if (!response.ok) return false;
  const { hosts = [] } = (await response.json()) as { hosts?: { phase: string }[] };
  return hosts.some(({ phase }) => phase === 'starting');
}

async function isHealthy(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${String(port)}/healthz`, {
    signal: AbortSignal.timeout(2_000),
  });
  return response.ok;
}
