import { Client, Connection, isGrpcServiceError, type ConnectionOptions } from '@temporalio/client';
import { CHANNEL_ARGS } from '../temporal/connection/channel.js';
import { closableRetries } from './closable-retries.js';
import { UnavailableError } from './errors.js';
import type { ResolvedOptions } from './options.js';
import { fromService } from './service-errors.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** How long one question to Temporal itself may take, its own retries included. */
export const SERVICE_TIMEOUT_MS = 20_000;

/** An open connection with the settings every verb needs. */
export interface Session {
  readonly client: Client;
  readonly connection: Connection;
  readonly options: ResolvedOptions;
  close(): Promise<void>;
}

export async function openSession(options: ResolvedOptions): Promise<Session> {
  const { address, namespace, apiKey, tls } = options.temporal;
  const retries = closableRetries();
  try {
    const connection = await Connection.connect({
      address,
      connectTimeout: CONNECT_TIMEOUT_MS,
      channelArgs: CHANNEL_ARGS,
      interceptors: retries.interceptors,
      tls: tls as NonNullable<ConnectionOptions['tls']>,
      ...(apiKey !== null && { apiKey }),
    });
    return {
      client: new Client({ connection, namespace, identity: options.actor }),
      connection,
      options,
      async close() {
        await retries.end();
        await connection.close();
      },
    };
  } catch (error) {
    throw new UnavailableError(
      `Temporal at ${address} did not answer within ${String(CONNECT_TIMEOUT_MS / 1000)} s; start it (modelyard dev) or correct temporal.address (TEMPORAL_ADDRESS)`,
      'temporal',
      { cause: error },
    );
  }
}

/** One call to Temporal under a deadline. What only the caller can name (not found, already started) is left to it. */
export async function callService<T>(
  session: Session,
  run: () => Promise<T>,
  timeoutMs: number = SERVICE_TIMEOUT_MS,
): Promise<T> {
  try {
    return await session.client.withDeadline(Date.now() + timeoutMs, run);
  } catch (error) {
    throw fromService(session, error);
  }
}

/** The Web UI's page of a workflow. It takes ids with '/' only when they are encoded. */
export function webUrl(session: Session, workflowId: string): string | null {
  const { uiUrl, namespace } = session.options.temporal;
  if (uiUrl === null) return null;
  return `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

export function isGrpc(error: unknown, ...codes: number[]): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return codes.includes(at.code);
  }
  return false;
}
