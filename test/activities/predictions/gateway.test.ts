import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifacts } from '../../../activities/artifacts/port.js';
import { createPredictionActivities } from '../../../activities/predictions/activities.js';
import { createGatewayPredictions } from '../../../activities/predictions/gateway.js';
import type { HostSpec } from '../../../temporal/contracts/route.js';
import { refusedWith } from '../../../testing/refusals.js';
import { Client, modelSpec, targetOf } from '../../gateway/support/client.js';
import {
  ADMIN_TOKEN,
  spawnGateway,
  temporaryDirectory,
  type GatewayProcess,
} from '../../gateway/support/gateway-process.js';

const COLUMNS = { x: [1, 2] };

describe('predictions by the gateway', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let gateway: GatewayProcess;
  let client: Client;
  let live: HostSpec;
  let candidate: HostSpec;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    gateway = await spawnGateway(directory.path);
    client = new Client(gateway.url);
    live = await modelSpec(directory.path, 1);
    candidate = await modelSpec(directory.path, 2);
    await client.startHost(live);
    await client.startHost(candidate);
    const until = new Date(Date.now() + 600_000).toISOString();
    await client.route('flights', 1, {
      live: targetOf(live),
      mirror: { ...targetOf(candidate), samplingPercent: 100, until },
    });
  });
  afterEach(async () => {
    await client.close();
    await gateway.kill('SIGTERM');
    await directory.remove();
  });

  const activities = () =>
    createPredictionActivities({
      predictions: createGatewayPredictions({ url: gateway.url, adminToken: ADMIN_TOKEN }),
      artifacts: { put: () => Promise.resolve() } as unknown as Artifacts,
    });
  const collect = (tag = 'flights') =>
    activities().collectShadow({
      ...{ tag, candidate: candidate.modelId, incumbent: live.modelId },
      ...{ from: '2020-01-01T00:00:00Z', until: '2999-01-01T00:00:00Z' },
      features: ['x'],
      key: 'k',
    });

  it('are read with what the mirror answered, a row for each that was scored (S1)', async () => {
    for (let asked = 0; asked < 5; asked += 1) await client.score('flights', { inputs: COLUMNS });
    await client.score('flights', { inputs: [[1]], fault: 400 });
    await expect.poll(async () => (await collect()).requests.mirrored).toBe(5);
    const { requests, rows, bytes } = await collect();
    expect(requests).toEqual({ eligible: 5, mirrored: 5, dropped: 0, failed: 0 });
    // The stand-in answers columns as if each name were a row.
    expect(rows).toBe(5);
    expect(bytes).toBeGreaterThan(0);
  });

  it('try a candidate with what callers asked last (U3)', async () => {
    await client.score('flights', { inputs: [[1], [2]] });
    await expect.poll(async () => (await collect()).requests.eligible).toBe(1);
    const attempt = (host: string) =>
      activities().tryCandidate({ tag: 'flights', host, incumbent: 'flights/1' });
    expect(await attempt(candidate.name)).toEqual({ tried: 1, refused: null });
    for (const sick of [400, 500, 'drop'] as const) {
      const broken = await modelSpec(directory.path, 3, { sick });
      await client.startHost(broken);
      const { refused } = await attempt(broken.name);
      expect(refused).toContain(`status ${String(sick === 'drop' ? 502 : sick)}`);
    }
    await refusedWith('GatewayRefused', attempt('nobody'));
  });

  it('fail with GatewayRefused for a tag without a route, and GatewayUnavailable while the gateway is away', async () => {
    expect(await refusedWith('GatewayRefused', collect('never'))).toMatchObject({ status: 404 });
    await gateway.kill('SIGTERM');
    await refusedWith('GatewayUnavailable', collect());
  });
});
