import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Stands before an apiserver, without TLS on its own side; passes answers on as they come, watches too. */
export interface Relay extends AsyncDisposable {
  readonly url: string;
  /** "METHOD /path?query" of every request, oldest first. */
  readonly seen: readonly string[];
  /** Ends every watch that is open. */
  cutWatches: () => void;
  /** Tells every watch that is open that its beginning is forgotten, in the apiserver's words. */
  expireWatches: () => void;
  /** From now on the apiserver gets a token that it does not know instead of this one. */
  revoke: (token: string) => void;
}

const EXPIRED = {
  type: 'ERROR',
  object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
};

export async function startRelay({ server, ca }: { server: string; ca: string }): Promise<Relay> {
  const target = new URL(server);
  const agent = new Agent({ keepAlive: true, ca });
  const seen: string[] = [];
  const watches = new Set<ServerResponse>();
  const revoked = new Set<string>();

  const pass = (from: IncomingMessage, to: ServerResponse): void => {
    const { method = '', url = '', headers } = from;
    seen.push(`${method} ${url}`);
    const authorization = headers.authorization ?? '';
    const known = revoked.has(authorization) ? 'Bearer nobody' : authorization;
    const onward = request(
      {
        host: target.hostname,
        port: target.port,
        path: url,
        method,
        agent,
        headers: { ...headers, host: target.host, authorization: known },
      },
      (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        to.flushHeaders();
        if (url.includes('watch=true')) watches.add(to);
        answer.pipe(to);
        answer.on('error', () => to.destroy());
      },
    );
    onward.on('error', () => to.destroy());
    to.on('close', () => {
      watches.delete(to);
      onward.destroy();
    });
    from.pipe(onward);
  };

  const listener = createServer(pass).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    seen,
    cutWatches: () => {
      for (const watch of watches) watch.destroy();
    },
    expireWatches: () => {
      for (const watch of watches) watch.end(`${JSON.stringify(EXPIRED)}\n`);
    },
    revoke: (token) => revoked.add(`Bearer ${token}`),
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections();
      listener.close();
      await once(listener, 'close');
      agent.destroy();
    },
  };
}
