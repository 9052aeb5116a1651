import Fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Serving } from '../../gateway/hosts/serving.js';
import { serveInvokeAdmin } from '../../gateway/mirror/invoke-admin.js';

describe('a host that is asked past every route', () => {
  let host: Server;
  let gateway: FastifyInstance;

  beforeEach(async () => {
    // It takes every body and answers none.
    host = createServer((request) => request.resume()).listen(0, '127.0.0.1');
    await once(host, 'listening');
    const { port } = host.address() as AddressInfo;
    const serving = { origin: `http://127.0.0.1:${String(port)}`, path: '/' } as Serving;
    gateway = Fastify();
    serveInvokeAdmin(gateway, {
      hosts: { get: () => ({ serving }) },
      ...{ bodyBytes: 1_000, replyBytes: 1_000, timeoutMs: 600_000 },
    });
    await gateway.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(async () => {
    host.closeAllConnections();
    await gateway.close();
    await new Promise((resolve) => host.close(resolve));
  });

  it('is left alone once whoever asked has gone', async () => {
    const { port } = gateway.server.address() as AddressInfo;
    const caller = new AbortController();
    const asked = fetch(`http://127.0.0.1:${String(port)}/admin/hosts/flights-2-abc/invocations`, {
      ...{ method: 'POST', body: '{}', signal: caller.signal },
    });
    const [, answer] = (await once(host, 'request')) as [unknown, NodeJS.EventEmitter];
    const left = once(answer, 'close');
    caller.abort();
    await expect(asked).rejects.toThrow('abort');
    await left;
    const connections = (): Promise<number> =>
      new Promise((resolve) => {
        host.getConnections((_, count) => {
          resolve(count);
        });
      });
    await expect.poll(connections).toBe(0);
  });
});
