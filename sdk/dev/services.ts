import { startDevServer } from '../../temporal/server/start.js';
import { SEARCH_ATTRIBUTES } from '../../temporal/names.js';
import type { RecordedService } from '../../temporal/server/service.js';
import { startGateway } from './gateway.js';
import type { Layout } from './layout.js';
import { startMlflow } from './mlflow.js';
import { freePort, isFree, type PortName, type Ports } from './ports.js';
import { timedStep, type Report } from './setup/steps.mjs';
import type { Tools } from './setup/tools.mjs';
import { adminToken } from './stack-file.js';
import { startWorker, type WorkerOptions } from './worker.js';

/** What a stack is made of; tests put stand-ins here. */
export interface Parts {
  node: string;
  gatewayEntry: string;
  workerEntry: string;
  /** Changes whenever the compiled code does. */
  build: string;
  tools: Tools;
}

export interface Services {
  temporal: { address: string; namespace: string; uiUrl: string };
  mlflow: { url: string };
  gateway: { url: string };
  worker: RecordedService;
  workerOptions: WorkerOptions;
}

export interface StartServicesOptions {
  layout: Layout;
  parts: Parts;
  /** Updated when one of them was taken by another program in the meantime. */
  ports: Ports;
  told: Partial<Ports>;
  report: Report;
}

const NAMESPACE = 'default';
const ATTEMPTS = 3;

/** Starts what is not running yet. */
export async function startServices(options: StartServicesOptions): Promise<Services> {
  const { layout, parts, ports, report } = options;
  const { tools, node, build } = parts;
  const keywordAttributes = Object.keys(SEARCH_ATTRIBUTES);
  const token = await adminToken(layout.tokenFile);
  await both(
    started('Temporal server', report, () =>
      onFreePorts(options, ['temporal', 'temporalUi'], () =>
        startDevServer({
          cli: tools.temporalCli,
          directory: layout.root,
          port: ports.temporal,
          uiPort: ports.temporalUi,
          namespace: NAMESPACE,
          keywordAttributes,
          logFile: layout.log('temporal'),
          recordFile: layout.record('temporal'),
        }),
      ),
    ),
    started('MLflow server', report, () =>
      onFreePorts(options, ['mlflow'], () => startMlflow(layout, tools.python, ports.mlflow)),
    ),
  );
  const temporal = {
    address: `127.0.0.1:${String(ports.temporal)}`,
    namespace: NAMESPACE,
    uiUrl: localUrl(ports.temporalUi),
  };
  const trackingUri = localUrl(ports.mlflow);
  await started('Gateway', report, () =>
    onFreePorts(options, ['gateway'], () =>
      startGateway(layout, {
        node,
        entry: parts.gatewayEntry,
        build,
        port: ports.gateway,
        adminToken: token,
        trackingUri,
        tools,
      }),
    ),
  );
  const gatewayUrl = localUrl(ports.gateway);
  const workerOptions = {
    node,
    entry: parts.workerEntry,
    build,
    temporal,
    trackingUri,
    gatewayUrl,
    adminToken: token,
    tools,
  };
  const worker = await started('Worker', report, () => startWorker(layout, workerOptions));
  return {
    temporal,
    mlflow: { url: trackingUri },
    gateway: { url: gatewayUrl },
    worker,
    workerOptions,
  };
}

function started<T>(name: string, report: Report, start: () => Promise<T>): Promise<T> {
  return timedStep(name, report, async () => ({ value: await start(), outcome: 'running' }));
}

/** Neither is left starting in the background when the other one fails. */
async function both(first: Promise<unknown>, second: Promise<unknown>): Promise<void> {
  for (const outcome of await Promise.allSettled([first, second])) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** A port that was free a moment ago may be another program's by the time it is bound. */
async function onFreePorts<T>(
  { ports, told }: StartServicesOptions,
  names: readonly PortName[],
  start: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const lost = await lostPorts(names, { ports, told, error });
      if (lost.length === 0 || attempt === ATTEMPTS) throw error;
      for (const name of lost) ports[name] = await freePort(Object.values(ports));
    }
  }
}

async function lostPorts(
  names: readonly PortName[],
  { ports, told, error }: { ports: Ports; told: Partial<Ports>; error: unknown },
): Promise<PortName[]> {
  const lost: PortName[] = [];
  for (const name of names) {
    if (told[name] !== undefined) continue;
    if (saidInUse(error, ports[name]) || !(await isFree(ports[name]))) lost.push(name);
  }
  return lost;
}

/** A connection may have had it for a moment as its own end: free again by now, it is known by the words of the program only. */
function saidInUse(error: unknown, port: number): boolean {
  const said = String(error);
  return said.includes('in use') && said.includes(String(port));
}

function localUrl(port: number): string {
  return `http://127.0.0.1:${String(port)}`;
}
