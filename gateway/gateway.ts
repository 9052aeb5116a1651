import { takeDataDirectory } from './data-directory.js';
import { HostFiles } from './hosts/files.js';
import { Launcher, MODEL_SERVER_ADDRESS } from './hosts/launcher.js';
import { Ports } from './hosts/ports.js';
import { Supervisor } from './hosts/supervisor.js';
import { logToStderr, type Log } from './log.js';
import type { GatewayOptions } from './options.js';
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
  const hosts = createSupervisor(options, directory.hosts, log);
  try {
    const routes = await RouteStore.open(new RouteFiles(directory.routes));
    for (const [tag, problem] of routes.unreadable()) log('route-unreadable', { tag, problem });
    await hosts.restore();
    const server = await createServer({ options, routes, hosts, log });
    const url = await server.listen({ host: options.host, port: options.port });
    directory.introduce({ url });
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      await server.close();
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

function createSupervisor(options: GatewayOptions, directory: string, log: Log): Supervisor {
  const files = new HostFiles(directory);
  const launcher = new Launcher({
    files,
    ports: new Ports(MODEL_SERVER_ADDRESS),
    modelServer: options.modelServer,
    settings: options.instances,
  });
  return new Supervisor({ files, launcher, log, maxHosts: options.limits.hosts });
}
