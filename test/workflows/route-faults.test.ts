import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FencedRoute } from '../../temporal/contracts/route.js';
import { refusedWith } from '../../testing/refusals.js';
import type { HttpFault } from '../../testing/fault-proxy/http-faults.js';
import { startHttpFaultProxy, type HttpFaultProxy } from '../../testing/fault-proxy/http-proxy.js';
import { Client } from '../gateway/support/client.js';
import {
  spawnGateway,
  temporaryDirectory,
  type GatewayProcess,
} from '../gateway/support/gateway-process.js';
import { gatewayPorts } from './support/behind-proxies.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let gateway: GatewayProcess;
let proxy: HttpFaultProxy;
let client: Client;
let world: World;
let ports: Awaited<ReturnType<typeof gatewayPorts>>;
beforeAll(async () => {
  directory = await temporaryDirectory();
  gateway = await spawnGateway(directory.path);
  proxy = await startHttpFaultProxy(gateway.url);
  client = new Client(gateway.url);
  ports = await gatewayPorts(proxy.url, directory.path);
  world = await startWorld({ ports });
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await proxy.stop();
  await client.close();
  await gateway.kill('SIGTERM');
  await directory.remove();
});
afterEach(() => {
  proxy.calm();
});

/** A tag with these versions promoted. */
async function tagWith(versions: number[]): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('route'));
  await tag.define();
  for (const version of versions) await promote(tag, version);
  return tag;
}

async function promote(tag: TagOnServer, version: number) {
  const { hosting } = ports;
  const grant = await tag.begin(version);
  if (grant.state !== 'granted') throw new Error(`expected a lease, got ${JSON.stringify(grant)}`);
  await hosting.ensure(grant.host);
  await until(
    () => hosting.observe(grant.host.name),
    ({ phase }) => phase === 'ready',
  );
  return tag.commit(grant.lease, { workflowId: `rollout/${String(version)}` });
}

const inForce = async (tag: TagOnServer): Promise<FencedRoute> =>
  (await client.admin('GET', `/routes/${tag.tag}`)).body as unknown as FencedRoute;

/** The gateway serves what the ledger says, under the fence that the tag believes in. */
async function expectConverged(tag: TagOnServer): Promise<void> {
  const { live, serving } = await until(
    () => tag.status(),
    (status) => status.serving.inSync,
  );
  const { fence, route } = await inForce(tag);
  expect([fence, route.live?.modelId]).toEqual([serving.observedFence, live]);
  expect((await client.score(tag.tag)).body['modelId']).toBe(live);
}

const writeOf = (tag: TagOnServer): RegExp => new RegExp(`^PUT /admin/routes/${tag.tag}$`);
const applied = async (tag: TagOnServer): Promise<string[]> =>
  (await tag.actions()).filter((action) => action.startsWith('rollback') || action === 'repair');

describe('a write of a route', () => {
  const says = (status: number, code: string): HttpFault => ({
    kind: 'answer',
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, message: 'as the test has it' }),
  });
  it.each<[string, HttpFault]>([
    ['meets a 503', { kind: 'unavailable' }],
    ['meets a host that starts again', says(503, 'HostNotReady')],
    ['meets a host that is gone', says(409, 'HostUnknown')],
    ['is reset before it arrives', { kind: 'reset' }],
    ['is written and its answer lost', { kind: 'lose-answer' }],
    ['is written and never answered', { kind: 'hang' }],
    ['is written and its answer cut off', { kind: 'truncate', bytes: 20 }],
    ['is written and answered by a sign-in page', { kind: 'garbage', sort: 'html' }],
    ['is written and answered by half of the JSON', { kind: 'garbage', sort: 'broken-json' }],
    ['is written twice', { kind: 'duplicate' }],
  ])(
    'F18 I7 that %s is made again under its fence, and a rollback has one entry',
    async (_what, fault) => {
      const tag = await tagWith([1, 2]);
      const { observedFence } = (await tag.status()).serving;
      proxy.inject(writeOf(tag), fault);
      expect(await tag.rollback()).toMatchObject({
        ...{ outcome: 'applied', to: `${tag.tag}/1`, fence: observedFence + 1 },
      });
      expect(proxy.injected.at(-1)?.fault).toBe(fault);
      expect(await applied(tag)).toEqual(['rollback']);
      await expectConverged(tag);
    },
  );

  it('U2 F18 I7 that is answered by something of another shape fails by name, and what the ledger says is written and read back', async () => {
    const tag = await tagWith([1, 2]);
    proxy.inject(writeOf(tag), { kind: 'garbage', sort: 'other-json' });
    await refusedWith('GatewayRefused', tag.rollback());
    expect((await tag.status()).serving.inSync).toBe(false);
    await until(
      () => applied(tag),
      (actions) => actions.includes('repair'),
    );
    expect(await applied(tag)).toEqual(['rollback failed', 'repair']);
    expect((await tag.status()).live).toBe(`${tag.tag}/2`);
    await expectConverged(tag);
  });

  it('F3 F8 F18 that arrives after the next one is refused by its fence', async () => {
    const tag = await tagWith([1, 2, 3]);
    const write = writeOf(tag);
    // The promote's own write waits until that of the rollback, which ends it, has passed.
    const grant = await tag.begin(4);
    if (grant.state !== 'granted') throw new Error('expected a lease');
    await ports.hosting.ensure(grant.host);
    proxy.inject(write, { kind: 'reorder', waitMs: 5_000 });
    const late = tag.commit(grant.lease, { workflowId: 'rollout/4' }).catch(() => 'ended');
    await until(
      () => proxy.injected.filter(({ line }) => write.test(line)).length,
      (count) => count === 1,
    );
    expect(await tag.rollback()).toMatchObject({ outcome: 'applied' });
    expect(await late).toBe('ended');
    // The held write goes on by itself now, and its answer is nobody's.
    await sleep(300);
    await expectConverged(tag);
    expect((await tag.status()).live).toBe(`${tag.tag}/3`);
  });
});

describe('a gateway that is killed and started again', () => {
  it('F28 serves its last route with the platform away, refuses an old writer, and takes the next write', async () => {
    const tag = await tagWith([1, 2]);
    const old = { fence: (await inForce(tag)).fence - 1, ...{ route: (await inForce(tag)).route } };
    await gateway.kill('SIGKILL');
    // Begun while it is away, done when it is there again.
    const rolledBack = tag.rollback();
    gateway = await spawnGateway(directory.path, { port: gateway.port });
    expect(await rolledBack).toMatchObject({ outcome: 'applied', to: `${tag.tag}/1` });
    await expectConverged(tag);
    const late = await client.route(tag.tag, old.fence, old.route);
    expect([late.status, late.body['code']]).toEqual([409, 'StaleFence']);
    await expectConverged(tag);
  });

  it('U2 F28 I7 a writer that was ahead meanwhile is overruled: the tag learns its fence and writes above it', async () => {
    const tag = await tagWith([1, 2]);
    const { fence, route } = await inForce(tag);
    const foreign = await client.route(tag.tag, fence + 40, { live: null });
    expect(foreign.status).toBe(200);
    await refusedWith('StaleFence', tag.rollback());
    await until(
      () => tag.status(),
      ({ serving }) => serving.inSync,
    );
    expect(await applied(tag)).toEqual(['rollback failed', 'repair']);
    const now = await inForce(tag);
    expect(now.route).toEqual(route);
    expect(now.fence).toBe(fence + 41);
    await expectConverged(tag);
    expect(await tag.rollback()).toMatchObject({ outcome: 'applied', to: `${tag.tag}/1` });
    await expectConverged(tag);
  });
});
