import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMonitoringActivities } from '../../../activities/monitoring/activities.js';
import { createGatewayMonitoring } from '../../../activities/monitoring/gateway.js';
import type { TrafficFigures } from '../../../temporal/contracts/figures.js';
import { refusedWith } from '../../../testing/refusals.js';
import { Client, modelSpec, targetOf } from '../../gateway/support/client.js';
import {
  ADMIN_TOKEN,
  spawnGateway,
  temporaryDirectory,
  type GatewayProcess,
} from '../../gateway/support/gateway-process.js';

describe('monitoring by the gateway', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let gateway: GatewayProcess;
  let client: Client;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    gateway = await spawnGateway(directory.path);
    client = new Client(gateway.url);
    const spec = await modelSpec(directory.path, 1);
    await client.startHost(spec);
    await client.route('flights', 1, { live: targetOf(spec) });
  });
  afterEach(async () => {
    await client.close();
    await gateway.kill('SIGTERM');
    await directory.remove();
  });

  function read(tag: string, adminToken = ADMIN_TOKEN): Promise<TrafficFigures> {
    const monitoring = createGatewayMonitoring({ url: gateway.url, adminToken });
    return createMonitoringActivities({ monitoring }).readFigures(tag);
  }

  it('reads how each model of a tag does (G6)', async () => {
    expect((await read('flights')).models).toEqual({});
    for (const fault of [undefined, 400, 500]) await client.score('flights', { inputs: [], fault });
    const { tag, models } = await read('flights');
    expect(tag).toBe('flights');
    expect(models).toEqual({
      'flights/1': { requests: 3, errors: 1, latency: expect.any(Object) },
    });
    const { latency = {} } = models['flights/1'] ?? {};
    expect(Object.values(latency).reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  it('reads what the mirror of a tag does (S1)', async () => {
    const monitoring = createGatewayMonitoring({ url: gateway.url, adminToken: ADMIN_TOKEN });
    const activities = createMonitoringActivities({ monitoring });
    expect(await activities.readMirror('flights')).toMatchObject({
      tag: 'flights',
      candidates: {},
    });
  });

  it('tells counts that began anew with another gateway by their epoch (F28)', async () => {
    await client.score('flights');
    const before = await read('flights');
    expect((await read('flights')).epoch).toBe(before.epoch);
    await gateway.kill('SIGKILL');
    gateway = await spawnGateway(directory.path, { port: gateway.port });
    const after = await read('flights');
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.models).toEqual({});
  });

  it('fails with GatewayRefused for a tag without a route and for a wrong token', async () => {
    const details = await refusedWith('GatewayRefused', read('never'));
    expect(details).toMatchObject({ status: 404, code: 'UnknownTag' });
    await refusedWith('GatewayRefused', read('flights', 'wrong'));
  });

  it('fails with GatewayUnavailable while the gateway is away', async () => {
    await gateway.kill('SIGTERM');
    await refusedWith('GatewayUnavailable', read('flights'));
  });
});
