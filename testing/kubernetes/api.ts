import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** Where an apiserver is, and as whom one asks it. */
export interface Access {
  server: string;
  /** PEM. */
  ca: string;
  token: string;
  /** Acts as somebody else; the token's owner has to be allowed to. */
  as?: { user: string; groups: readonly string[] };
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Patch = 'merge' | 'strategic-merge';

/** Requests to an apiserver, in JSON. */
export interface KubernetesApi {
  get: <T>(path: string) => Promise<T>;
  post: <T>(path: string, body: unknown) => Promise<T>;
  patch: (path: string, body: unknown, patch?: Patch) => Promise<void>;
  delete: (path: string, options?: unknown) => Promise<void>;
  /** An answer that goes on, such as that of a watch. */
  open: (path: string, signal: AbortSignal) => Promise<IncomingMessage>;
  close: () => void;
}

/** An answer of the apiserver that is no success. */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal';
  readonly status: number;
  readonly reason: string | undefined;
  constructor(line: string, status: number, text: string) {
    const { message = text, reason } = statusOf(text);
    super(`${line} was answered ${String(status)}: ${message}`);
    this.status = status;
    this.reason = reason;
  }
}

export const refusedWith = (error: unknown, ...statuses: number[]): boolean =>
  error instanceof ApiRefusal && statuses.includes(error.status);

const TIMEOUT_MS = 15_000;

export function createApi(access: Access): KubernetesApi {
  const agent = new Agent({ keepAlive: true, ca: access.ca });
  const call = async (method: Method, path: string, body?: unknown, type = 'json') => {
    const answer = await send({ access, agent, method, path, body, type });
    const text = await textOf(answer);
    const { statusCode = 0 } = answer;
    if (statusCode >= 300) throw new ApiRefusal(`${method} ${path}`, statusCode, text);
    return text;
  };
  return {
    get: async <T>(path: string) => JSON.parse(await call('GET', path)) as T,
    post: async <T>(path: string, body: unknown) => JSON.parse(await call('POST', path, body)) as T,
    patch: async (path, body, patch = 'merge') => {
      await call('PATCH', path, body, `${patch}-patch+json`);
    },
    delete: async (path, options) => {
      await call('DELETE', path, options);
    },
    open: async (path, signal) => {
      const answer = await send({ access, agent, method: 'GET', path, type: 'json', signal });
      const { statusCode = 0 } = answer;
      if (statusCode >= 300) throw new ApiRefusal(`GET ${path}`, statusCode, await textOf(answer));
      return answer;
    },
    close: () => {
      agent.destroy();
    },
  };
}

interface Sent {
  access: Access;
  agent: Agent;
  method: Method;
  path: string;
  body?: unknown;
  type: string;
  /** Bounds the whole answer; without it the time to it is bounded. */
  signal?: AbortSignal;
}

function send({ access, agent, method, path, body, type, signal }: Sent): Promise<IncomingMessage> {
  const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const content = data && {
    'Content-Type': `application/${type}`,
    'Content-Length': data.length,
  };
  const headers = { Accept: 'application/json', ...identityOf(access), ...content };
  return new Promise((resolve, reject) => {
    const url = new URL(path, access.server);
    const sent = request(url, { method, agent, headers, ...(signal && { signal }) });
    sent.on('response', resolve).on('error', reject);
    if (!signal)
      sent.setTimeout(TIMEOUT_MS, () => {
        sent.destroy(new Error(`${method} ${path} had no answer in ${String(TIMEOUT_MS)} ms`));
      });
    sent.end(data);
  });
}

const identityOf = ({ token, as }: Access): Record<string, string | string[]> => ({
  Authorization: `Bearer ${token}`,
  ...(as && { 'Impersonate-User': as.user, 'Impersonate-Group': [...as.groups] }),
});

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}

function statusOf(text: string): { message?: string; reason?: string } {
  try {
    return JSON.parse(text) as { message?: string; reason?: string };
  } catch {
    return {};
  }
}
