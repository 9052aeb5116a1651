import { failure } from '../../../temporal/errors.js';

export type MlflowCredentials =
  | { kind: 'none' }
  | { kind: 'basic'; username: string; password: string }
  | { kind: 'bearer'; token: string };

export interface MlflowOptions {
  /** Address of the tracking server, `http(s)://host[:port][/prefix]`. */
  trackingUri: string;
  /** Asked before every call, so that a rotated secret is used at once. */
  auth?: MlflowCredentials | (() => MlflowCredentials | Promise<MlflowCredentials>);
  /** Sent only when given: a server without workspaces answers 500 to the header. */
  workspace?: string;
  /** URI prefixes below which artifacts are read and written, e.g. `mlflow-artifacts:/`. */
  roots: string[];
  fetch?: typeof globalThis.fetch;
  /** Longest wait for one answer, milliseconds. Default 30,000. */
  timeoutMs?: number;
  /** Asked at every call: the signal that cancels the activity which makes it. */
  signal?: () => AbortSignal | undefined;
}

/** The server's address without a closing slash; refuses (Misconfigured) anything that is not one. */
export function baseUrl({ trackingUri }: MlflowOptions): string {
  const url = URL.canParse(trackingUri) ? new URL(trackingUri) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw failure(
      'Misconfigured',
      `registry.trackingUri: expected http(s)://host:port, got ${JSON.stringify(trackingUri)}`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw failure(
      'Misconfigured',
      'registry.trackingUri: expected an address without credentials; name them in registry.auth',
    );
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** Headers that say who calls; never logged. */
export async function identityHeaders(options: MlflowOptions): Promise<Record<string, string>> {
  const auth = typeof options.auth === 'function' ? await options.auth() : options.auth;
  return {
    ...authorization(auth ?? { kind: 'none' }),
    ...(options.workspace !== undefined && { 'X-MLFLOW-WORKSPACE': options.workspace }),
  };
}

function authorization(credentials: MlflowCredentials): Record<string, string> {
  switch (credentials.kind) {
    case 'none':
      return {};
    case 'basic': {
      const pair = `${credentials.username}:${credentials.password}`;
      return { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
    }
    case 'bearer':
      return { Authorization: `Bearer ${credentials.token}` };
  }
}
