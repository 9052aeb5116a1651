import { join } from 'node:path';

import { Connection } from '@temporalio/client';

import { devServerArguments, type DevServerAddress } from './dev-server-arguments.js';
import { ensureKeywordAttributes } from '../connection/search-attributes.js';
import { ensureService, type RecordedService } from './service.js';

export interface DevServerOptions extends DevServerAddress {
  cli: string;
  /** Where its database is. */
  directory: string;
  namespace: string;
  keywordAttributes: readonly string[];
  logFile: string;
  recordFile: string;
}

const READY_TIMEOUT_MS = 60_000;

/** Starts a server on the directory's database, or adopts the one that already runs on it. */
export async function startDevServer(options: DevServerOptions): Promise<RecordedService> {
  const { port, namespace, keywordAttributes, logFile, recordFile } = options;
  const identity = await ensureService(
    {
      name: 'The Temporal server',
      command: options.cli,
      args: devServerArguments(options, join(options.directory, 'temporal.db'), keywordAttributes),
      logFile,
      recordFile,
    },
    { probe: () => isServing(options), timeoutMs: READY_TIMEOUT_MS },
  );
  await withConnection(port, (connection) =>
    ensureKeywordAttributes(connection, namespace, keywordAttributes),
  );
  return identity;
}

async function isServing({ port, uiPort, namespace }: DevServerOptions): Promise<boolean> {
  // Its /healthz says yes before the Web UI has reached the server.
  const page = await fetch(`http://127.0.0.1:${String(uiPort)}/api/v1/namespaces`, {
    signal: AbortSignal.timeout(2_000),
  });
  if (!page.ok) return false;
  await withConnection(port, (connection) =>
    connection.workflowService.describeNamespace({ namespace }),
  );
  return true;
}

async function withConnection<T>(
  port: number,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({
    address: `127.0.0.1:${String(port)}`,
    connectTimeout: '2s',
  });
  try {
    return await connection.withDeadline(Date.now() + 10_000, () => use(connection));
  } finally {
    await connection.close();
  }
}
