import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createGatewayRouting } from '../../../activities/routing/gateway.js';
import { applicationFailure } from '../../../temporal/errors.js';
import { routingContract, type RoutingUnderTest } from '../../../testing/routing-contract.js';
import { Client, modelSpec, targetOf } from '../../gateway/support/client.js';
import {
  ADMIN_TOKEN,
  spawnGateway,
  temporaryDirectory,
} from '../../gateway/support/gateway-process.js';

describe('routing in the gateway keeps its contract:', () => {
  for (const { title, run } of routingContract) it(title, () => run(gatewayUnderTest));
});

describe('routing in the gateway fails with', () => {
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  async function answering(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    undo.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  async function failureOf(
    url: string,
  ): Promise<{ type: string | null | undefined; message: string | undefined; retryable: boolean }> {
    const routing = createGatewayRouting({ url, adminToken: 'x', timeoutMs: 200 });
    const error = applicationFailure(
      await routing.write('flights', { live: null }, 1).catch((failed: unknown) => failed),
    );
    return { type: error?.type, message: error?.message, retryable: error?.nonRetryable === false };
  }

  const says =
    (status: number, body: string): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    };

  it.each([
    [
      'GatewayRefused',
      'a wrong token',
      says(401, '{"code":"Unauthorized","message":"wrong token"}'),
      false,
    ],
    ['GatewayRefused', 'an answer of another server', says(200, '{"up":true}'), false],
    ['GatewayUnavailable', 'a page in between (F18)', says(200, '<html></html>'), true],
    ['GatewayUnavailable', 'half of an answer (F18)', says(200, '{"tag":"flig'), true],
    [
      'HostNotReady',
      'a host that is gone',
      says(409, '{"code":"HostUnknown","message":"m"}'),
      true,
    ],
    [
      'HostNotReady',
      'a host that still starts',
      says(503, '{"code":"HostNotReady","message":"m"}'),
      true,
    ],
    [
      'GatewayUnavailable',
      'an error of the gateway',
      says(500, '{"code":"Internal","message":"m"}'),
      true,
    ],
    ['GatewayUnavailable', 'a proxy without a gateway', says(502, 'bad gateway'), true],
    ['GatewayUnavailable', 'no answer in time (F30)', () => undefined, true],
    [
      'GatewayUnavailable',
      'a connection that breaks',
      (request: { socket: { destroy(): void } }) => {
        request.socket.destroy();
      },
      true,
    ],
  ] as const)('%s on %s', async (type, _what, listener, retryable) => {
    const url = await answering(listener);
    const failed = await failureOf(url);
    expect(failed).toMatchObject({ type, retryable });
    expect(failed.message).toContain(`${url}, PUT /admin/routes/flights`);
  });

  it('GatewayUnavailable when nothing listens', async () => {
    expect(await failureOf('http://127.0.0.1:1')).toMatchObject({
      type: 'GatewayUnavailable',
      retryable: true,
    });
  });
});

async function gatewayUnderTest(): Promise<RoutingUnderTest> {
  const directory = await temporaryDirectory();
  let gateway = await spawnGateway(directory.path);
  const client = new Client(gateway.url);
  const specs = [await modelSpec(directory.path, 1), await modelSpec(directory.path, 2)] as const;
  await Promise.all(specs.map((spec) => client.startHost(spec)));
  let tags = 0;
  return {
    routing: createGatewayRouting({ url: gateway.url, adminToken: ADMIN_TOKEN }),
    restarted: async () => {
      await gateway.kill('SIGKILL');
      gateway = await spawnGateway(directory.path);
      return createGatewayRouting({ url: gateway.url, adminToken: ADMIN_TOKEN });
    },
    freshTag: () => `flights.t-${String((tags += 1))}`,
    targets: [targetOf(specs[0]), targetOf(specs[1])],
    dispose: async () => {
      await client.close();
      await gateway.kill('SIGTERM');
      await directory.remove();
    },
  };
}
