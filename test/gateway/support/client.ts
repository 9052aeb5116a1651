import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type {
  HostObservation,
  HostSpec,
  Route,
  RouteTarget,
} from '../../../temporal/contracts/route.js';
import { ADMIN_TOKEN } from './gateway-process.js';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown>;
  text: string;
}

export type HostDetails = HostObservation & { pid: number; port: number; restarts: number };

/** Behaviour of the stand-in model server; its own documentation says what each field does. */
export interface ModelBehaviour {
  value: unknown;
  digest?: string;
  honest?: boolean;
  readyAfterMs?: number;
  delayMs?: number;
  exit?: number;
  sick?: 400 | 500 | 'drop' | 'reset' | 'cut' | 'huge' | 'hang';
}

export const digestOfVersion = (version: number): string =>
  `sha256:${version.toString(16).padStart(64, '0')}`;

export async function modelSpec(
  directory: string,
  version: number,
  behaviour: Partial<ModelBehaviour> = {},
): Promise<HostSpec> {
  const uri = join(directory, `model-${String(version)}-${randomBytes(4).toString('hex')}.json`);
  await writeFile(uri, JSON.stringify({ value: version, ...behaviour }));
  return {
    name: `m-${String(version)}-${randomBytes(4).toString('hex')}`,
    target: 'local',
    modelId: `flights/${String(version)}`,
    modelUri: uri,
    digest: digestOfVersion(version),
    task: 'regression',
  };
}

export const targetOf = (spec: HostSpec): RouteTarget => ({
  modelId: spec.modelId,
  host: spec.name,
});

/** Talks to a gateway as callers and as the control plane do. */
export class Client {
  readonly #agent = new Agent({ connections: 64 });
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async send(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    options: { body?: string | Buffer; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { body = null, headers = {} } = options;
    const answer = await request(`${this.url}${path}`, {
      method,
      body,
      headers,
      dispatcher: this.#agent,
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, body: parsed(text), text };
  }

  admin(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    return this.send(method, `/admin${path}`, {
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  route(tag: string, fence: number, route: Route): Promise<Answer> {
    return this.admin('PUT', `/routes/${tag}`, { fence, route });
  }

  score(
    tag: string,
    body: unknown = { inputs: [[1]] },
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.send('POST', `/v1/tags/${tag}/score`, {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  async host(name: string): Promise<HostDetails> {
    return (await this.admin('GET', `/hosts/${name}`)).body as unknown as HostDetails;
  }

  async startHost(
    spec: HostSpec,
    expected: { phase?: HostObservation['phase']; withinMs?: number } = {},
  ): Promise<HostDetails> {
    const { status, text } = await this.admin('PUT', `/hosts/${spec.name}`, spec);
    if (status >= 300) throw new Error(text);
    return this.hostUntil(
      spec.name,
      (host) => host.phase === (expected.phase ?? 'ready'),
      expected.withinMs,
    );
  }

  async hostUntil(
    name: string,
    condition: (host: HostDetails) => boolean,
    withinMs = 20_000,
  ): Promise<HostDetails> {
    const end = Date.now() + withinMs;
    for (;;) {
      const host = await this.host(name);
      if (condition(host)) return host;
      if (Date.now() > end)
        throw new Error(`host ${name} did not come to it: ${JSON.stringify(host)}`);
      await sleep(20);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
