import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Ports } from '../../../workers/compose.js';
import { failureInfo, type Answered } from './remote-ports.js';

/** What a worker's process is told that says where it is: it goes on, or it dies there. */
export type Passing = (place: string) => 'go' | 'die';

/**
 * The outside world of workers that are processes of their own: the ports stay in the test's process, so that effects outlive
 * a worker and can be counted.
 */
export async function servePorts(
  ports: Ports,
  passing: Passing = () => 'go',
): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    void answer(request, { ports, passing }).then((answered) => send(response, answered));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  { ports, passing }: { ports: Ports; passing: Passing },
): Promise<Answered> {
  const [, port = '', method = ''] = (request.url ?? '').split('/');
  const args = JSON.parse(await text(request)) as unknown[];
  if (port === 'passing') return { result: passing(String(args[0])) };
  try {
    const kept = ports[port as keyof Ports] as unknown as Record<string, Method>;
    return { result: await whole(kept[method]?.(...args)) };
  } catch (error) {
    return failureInfo(error);
  }
}

/** A stream as one text, and what it is awaited for of anything else. */
function whole(answered: unknown): unknown {
  const streams =
    typeof answered === 'object' && answered !== null && Symbol.asyncIterator in answered;
  return streams ? text(answered as AsyncIterable<Uint8Array>) : answered;
}

type Method = (...args: unknown[]) => unknown;

function send(response: ServerResponse, answered: Answered): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(answered));
}
