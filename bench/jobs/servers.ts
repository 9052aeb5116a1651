import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { freePort } from '../../dist/sdk/dev/ports.js';
import { obtainTemporalCli } from '../../dist/sdk/dev/setup/tools.mjs';
import { startDevServer } from '../../dist/temporal/server/start.js';
import { stopService } from '../../dist/temporal/server/service.js';
import { startCluster, type Cluster } from '../../dist/testing/index.js';
import type { Context } from '../context.ts';

const STOP_MS = 10_000;
/** More pods than the platform has at once: what waits for a node is not measured. */
const ROOM = { cpu: '64', memory: '64Gi', pods: '500' };

export interface Servers extends AsyncDisposable {
  cluster: Cluster;
  /** Of the Temporal server. */
  address: string;
  /** The bundle of the workflow, made here so that no worker's memory shows what making it takes. */
  codePath: string;
}

/** A Temporal server, and a control plane with one node that runs each image's script as a process. */
export async function startServers(
  { directory, say }: Context,
  scripts: Readonly<Record<string, string>>,
): Promise<Servers> {
  const images = Object.fromEntries(
    Object.entries(scripts).map(([image, script]) => [image, { command: ['sh', '-c', script] }]),
  );
  const cluster = await startCluster({ images, capacity: ROOM, report: say });
  try {
    const { port, stop } = await startTemporal(directory, say);
    return {
      cluster,
      codePath: await bundle(directory),
      address: `127.0.0.1:${String(port)}`,
      [Symbol.asyncDispose]: async () => {
        await stop();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function startTemporal(
  directory: string,
  report: Context['say'],
): Promise<{ port: number; stop: () => Promise<void> }> {
  const port = await freePort();
  const running = await startDevServer({
    cli: await obtainTemporalCli({ report }),
    directory,
    port,
    uiPort: await freePort([port]),
    namespace: 'default',
    keywordAttributes: [],
    logFile: join(directory, 'temporal.log'),
    recordFile: join(directory, 'temporal.json'),
  });
  return { port, stop: () => stopService(running, STOP_MS) };
}

async function bundle(directory: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('one-job.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const path = join(directory, 'one-job.js');
  await writeFile(path, code);
  return path;
}
