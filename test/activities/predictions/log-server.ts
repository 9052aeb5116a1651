import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PredictionRecord } from '../../../temporal/contracts/predictions.js';

export const ADMIN_TOKEN = 'log-admin';

/** How the end of a log's stream is spoilt, if at all. */
export type Ending = 'whole' | 'connection cut' | 'line cut';

export interface HostReply {
  status: number;
  body: unknown;
  /** It is the gateway's answer about the host. */
  ofGateway?: boolean;
}

/** The gateway's admin endpoints for predictions, over real HTTP, from records a test has put there. */
export class LogServer {
  records: PredictionRecord[] = [];
  /** What stands at the log's end and is no record. */
  noise = '';
  ending: Ending = 'whole';
  /** What the only host answers to a body. */
  host: (body: string, type: string) => HostReply = () => ({ status: 200, body: {} });
  /** Before it answers. */
  hostDelayMs = 0;
  readonly asked: string[] = [];
  #server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://log');
    this.asked.push(`${String(request.method)} ${url.pathname}${url.search}`);
    if (request.headers.authorization !== `Bearer ${ADMIN_TOKEN}`)
      send(response, {
        status: 401,
        body: { code: 'Unauthorized', message: 'no' },
        ofGateway: true,
      });
    else if (url.pathname.startsWith('/admin/hosts/')) {
      const said = this.host(await bodyOf(request), request.headers['content-type'] ?? '');
      await sleep(this.hostDelayMs);
      send(response, said);
    } else this.#log(url.searchParams, response);
  }

  #log(query: URLSearchParams, response: ServerResponse): void {
    const [from = '', until = '~', last] = ['from', 'until', 'last'].map(
      (name) => query.get(name) ?? undefined,
    );
    const found = this.records.filter(({ at }) => at >= from && at < until);
    const lines = found.slice(last === undefined ? 0 : -Number(last));
    const text = lines.map((record) => `${JSON.stringify(record)}\n`).join('') + this.noise;
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    if (this.ending === 'whole') response.end(text);
    else if (this.ending === 'line cut') response.end(text.slice(0, -10));
    else response.write(text, () => response.destroy());
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

function send(response: ServerResponse, { status, body, ofGateway }: HostReply): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(!ofGateway && { 'x-modelyard-host': 'the-host' }),
  });
  response.end(JSON.stringify(body));
}
