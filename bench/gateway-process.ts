import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { obtainTools } from '../dist/sdk/dev/setup/tools.mjs';

const ADMIN_TOKEN = 'of a benchmark';
const MAIN = fileURLToPath(new URL('../dist/gateway/main.js', import.meta.url));
/** A model server that predicts nothing, so that what it costs to reach it shows. */
const STAND_IN_HARNESS = fileURLToPath(new URL('../test/gateway/support/harness', import.meta.url));

export interface GatewayProcess {
  url: string;
  adminToken: string;
  pid: number;
  stop(): Promise<void>;
}

/** The gateway as it runs in production, in front of stand-in model servers. It says a line for each route it writes. */
export async function startGatewayProcess(
  dataDirectory: string,
  report: (line: string) => void,
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<GatewayProcess> {
  const { python } = await obtainTools({ report });
  const child = spawn(process.execPath, [MAIN, '--data', dataDirectory], {
    stdio: ['ignore', 'pipe', stderr],
    env: {
      PATH: process.env['PATH'],
      MODELYARD_GATEWAY_ADMIN_TOKEN: ADMIN_TOKEN,
      MODELYARD_PYTHON: python,
      MODELYARD_HARNESS: STAND_IN_HARNESS,
    },
  });
  const ended = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { event: string; url: string };
    if (said.event !== 'ready') continue;
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    return { url: said.url, adminToken: ADMIN_TOKEN, pid: child.pid ?? 0, stop };
  }
  throw new Error('the gateway ended before it was ready; its reason is above');
}
