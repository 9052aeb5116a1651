import { refusal, unanswered } from './client.js';
import { MlflowGarbage, MlflowRefusal } from './errors.js';
import type { Transport } from './transport.js';
import { z } from 'zod';

/** An upload or download may be large; the deadline is there against a connection that hangs. */
const TRANSFER_TIMEOUT_MS = 10 * 60_000;

const Listing = z.object({
  files: z
    .array(
      z.object({
        path: z.string(),
        is_dir: z.boolean().optional(),
        file_size: z.number().optional(),
      }),
    )
    .optional(),
});

export interface ListedArtifact {
  name: string;
  isFolder: boolean;
}

/**
 * Files below the artifact root of an MLflow server, by path. Its answers are streams and its paths keep their slashes,
 * which a typed client would encode.
 */
export interface ArtifactProxy {
  /** Over whatever is there. */
  put(path: string, content: Uint8Array): Promise<void>;
  /** null when there is no such file. */
  get(path: string): Promise<ReadableStream<Uint8Array> | null>;
  /** Size in bytes, or null when there is no such file. */
  size(path: string): Promise<number | null>;
  /** What lies directly below `path`; nothing when there is no such folder. */
  list(path: string): Promise<ListedArtifact[]>;
}

export function createArtifactProxy(transport: Transport): ArtifactProxy {
  const root = `${transport.base}/api/2.0/mlflow-artifacts/artifacts`;
  const urlOf = (path: string): string =>
    `${root}/${path.split('/').map(encodeURIComponent).join('/')}`;

  async function exchange(operation: string, request: Request): Promise<Response> {
    const response = await transport
      .send(request, { timeoutMs: TRANSFER_TIMEOUT_MS })
      .catch((error: unknown) => {
        throw unanswered(operation, error);
      });
    if (response.ok) return response;
    throw refusal(operation, response, errorBody(await response.text().catch(() => '')));
  }

  return {
    async put(path, content) {
      const body = new Uint8Array(content);
      const headers = { 'Content-Type': 'application/octet-stream' };
      const response = await exchange(
        `put artifact ${path}`,
        new Request(urlOf(path), { method: 'PUT', body, headers }),
      );
      await response.body?.cancel();
    },
    async get(path) {
      const response = await orNull(exchange(`get artifact ${path}`, new Request(urlOf(path))));
      return response && (response.body ?? new Blob([]).stream());
    },
    async size(path) {
      const operation = `look at artifact ${path}`;
      const response = await orNull(
        exchange(operation, new Request(urlOf(path), { method: 'HEAD' })),
      );
      if (response === null) return null;
      const length = response.headers.get('content-length');
      if (length !== null && /^\d+$/.test(length)) return Number(length);
      throw new MlflowGarbage(operation, 'expected a Content-Length, got none', true);
    },
    async list(path) {
      const operation = `list artifacts below ${path}`;
      const response = await exchange(
        operation,
        new Request(`${root}?path=${encodeURIComponent(path)}`),
      );
      const listing = Listing.safeParse(await json(operation, response));
      if (!listing.success)
        throw new MlflowGarbage(operation, `not a listing: ${listing.error.message}`, true);
      return (listing.data.files ?? []).map((file) => ({
        name: file.path,
        isFolder: file.is_dir === true,
      }));
    },
  };
}

/** A folder answers 400 where a file was asked for. HEAD answers carry no body to tell it by. */
async function orNull(response: Promise<Response>): Promise<Response | null> {
  try {
    return await response;
  } catch (error) {
    if (error instanceof MlflowRefusal && (error.status === 404 || isFolder(error))) return null;
    throw error;
  }
}

function isFolder({ status, operation, message }: MlflowRefusal): boolean {
  return (
    status === 400 && (operation.startsWith('look at') || message.includes('refers to a directory'))
  );
}

async function json(operation: string, response: Response): Promise<unknown> {
  return await response.json().catch((error: unknown) => {
    throw unanswered(operation, error);
  });
}

function errorBody(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'detail' in value)
      return String(value.detail);
    return value;
  } catch {
    return text;
  }
}
