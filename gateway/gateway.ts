import { takeDataDirectory, type DataDirectory } from './data-directory.js';
import { HostFiles } from './hosts/files.js';
import { Launcher, MODEL_SERVER_ADDRESS } from './hosts/launcher.js';
import { Ports } from './hosts/ports.js';
import { SharedServers } from './hosts/shared-servers.js';
import { Supervisor } from './hosts/supervisor.js';
import { logToStderr, type Log } from './log.js';
import { Mirror } from './mirror/mirror.js';
import type { GatewayOptions } from './options.js';
import { PredictionLog } from './predictions/log.js';
import { RouteFiles } from './routes/files.js';
import { RouteStore } from './routes/store.js';
import { createServer } from './server.js';

export interface Gateway {
  url: string;
  /** Takes no new requests, finishes those in flight, ends the model servers. */
  close(): Promise<void>;
}

/** Starts a gateway on its data directory. Model servers left by an earlier one serve again before it listens. */
export async function startGateway(
  options: GatewayOptions,
  log: Log = logToStderr,
): Promise<Gateway> {
  const directory = takeDataDirectory(options.dataDirectory);
  const hosts = createSupervisor(options, directory, log);
  try {
    const routes = await RouteStore.open(new RouteFiles(directory.routes));
    for (const [tag, problem] of routes.unreadable()) log('route-unreadable', { tag, problem });
    await hosts.restore();
    const predictions = await PredictionLog.open(directory.predictions, options.predictions, log);
    const mirror = new Mirror({ routes, hosts, settings: options.mirror });
    const server = await createServer({ options, routes, hosts, mirror, predictions, log });
    const url = await server.listen({ host: options.host, port: options.port });
    directory.introduce({ url });
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      await server.close();
      mirror.close();
      await predictions.close();
      await hosts.close();
      directory.release();
    };
    return { url, close: () => (closed ??= close()) };
  } catch (error) {
    await hosts.close();
    directory.release();
    throw error;
  }
}

function createSupervisor(
  { modelServer, instances: settings, limits }: GatewayOptions,
  directory: DataDirectory,
  log: Log,
): Supervisor {
  const ports = new Ports(MODEL_SERVER_ADDRESS);
  const launcherOf = (files: HostFiles): Launcher =>
    new Launcher({ files, ports, modelServer, settings });
  const [files, sharedFiles] = [new HostFiles(directory.hosts), new HostFiles(directory.shared)];
  const shared = new SharedServers({
    files: sharedFiles,
    launcher: launcherOf(sharedFiles),
    room: modelServer.shared,
    log,
  });
  const launcher = launcherOf(files);
  return new Supervisor({ files, launcher, shared, settings, log, maxHosts: limits.hosts });
}
