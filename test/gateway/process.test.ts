import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startTimeOf } from '../../gateway/hosts/identity.js';
import { Client, modelSpec, targetOf } from './support/client.js';
import {
  refusedStart,
  spawnGateway,
  temporaryDirectory,
  type GatewayProcess,
} from './support/gateway-process.js';

describe('the gateway process', () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function directory(): Promise<string> {
    const { path, remove } = await temporaryDirectory();
    undo.push(remove);
    return path;
  }

  async function started(
    path: string,
    port = 0,
  ): Promise<{ gateway: GatewayProcess; client: Client }> {
    const gateway = await spawnGateway(path, { port });
    const client = new Client(gateway.url);
    undo.push(
      () => gateway.kill('SIGTERM'),
      () => client.close(),
    );
    return { gateway, client };
  }

  it('killed and started again serves the last route with the same model servers, not restarted (F28)', async () => {
    const path = await directory();
    const first = await started(path);
    const [one, two] = [await modelSpec(path, 1), await modelSpec(path, 2)];
    const before = [await first.client.startHost(one), await first.client.startHost(two)];
    await first.client.route('flights', 7, { live: targetOf(one) });
    await first.client.route('flights', 8, { live: targetOf(two) });
    await first.gateway.kill('SIGKILL');

    const again = await started(path, first.gateway.port);
    // The first request after 'ready': adopted hosts serve at once.
    const answer = await again.client.score('flights');
    expect([answer.status, answer.body['modelId']]).toEqual([200, 'flights/2']);
    const after = [await again.client.host(one.name), await again.client.host(two.name)];
    expect(after).toEqual(before);
    const late = await again.client.route('flights', 7, { live: targetOf(one) });
    expect([late.status, late.body['code'], late.body['fence']]).toEqual([409, 'StaleFence', 8]);
  });

  it('killed together with a model server starts that one again', async () => {
    const path = await directory();
    const first = await started(path);
    const spec = await modelSpec(path, 1);
    const before = await first.client.startHost(spec);
    await first.client.route('flights', 1, { live: targetOf(spec) });
    await first.gateway.kill('SIGKILL');
    process.kill(before.pid, 'SIGKILL');
    const again = await started(path);
    const after = await again.client.hostUntil(spec.name, ({ phase }) => phase === 'ready');
    expect(after.pid).not.toBe(before.pid);
    expect((await again.client.score('flights')).status).toBe(200);
  });

  it('restarts an adopted model server that dies', async () => {
    const path = await directory();
    const first = await started(path);
    const spec = await modelSpec(path, 1);
    const before = await first.client.startHost(spec);
    await first.gateway.kill('SIGKILL');
    const again = await started(path);
    process.kill(before.pid, 'SIGKILL');
    await again.client.hostUntil(
      spec.name,
      ({ phase, pid }) => phase === 'ready' && pid !== before.pid,
    );
  });

  it('on SIGTERM answers what it had begun, ends its model servers and exits with 0', async () => {
    const path = await directory();
    const { gateway, client } = await started(path);
    const spec = await modelSpec(path, 1, { delayMs: 500 });
    const { pid } = await client.startHost(spec);
    await client.route('flights', 1, { live: targetOf(spec) });
    const begun = [client.score('flights'), client.score('flights')];
    await expect
      .poll(async () => (await client.send('GET', '/metrics')).text)
      .toContain('in_flight_requests 2');
    const ended = gateway.kill('SIGTERM');
    // An impatient second one must not leave the model servers behind.
    gateway.child.kill('SIGTERM');
    expect((await Promise.all(begun)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await ended).toBe(0);
    expect(startTimeOf(pid)).toBeUndefined();
    await expect(client.score('flights')).rejects.toThrow('ECONNREFUSED');
  });

  it('refuses a data directory that another gateway holds, and names that one', async () => {
    const path = await directory();
    const { gateway } = await started(path);
    const { code, said } = await refusedStart(path);
    expect(code).toBe(1);
    expect(said).toContain(`process ${String(gateway.child.pid)} at ${gateway.url}`);
  });

  it('refuses to start without an admin token, and names it', async () => {
    const { code, said } = await refusedStart(await directory(), {
      MODELYARD_GATEWAY_ADMIN_TOKEN: '',
    });
    expect(code).toBe(1);
    expect(said).toContain('MODELYARD_GATEWAY_ADMIN_TOKEN');
  });

  it('gives its model servers neither its admin token nor what else it does not have to', async () => {
    const path = await directory();
    const gateway = await spawnGateway(path, {
      env: { SOME_SECRET: 's', MLFLOW_TRACKING_TOKEN: 't' },
    });
    const client = new Client(gateway.url);
    undo.push(
      () => gateway.kill('SIGTERM'),
      () => client.close(),
    );
    const { pid } = await client.startHost(await modelSpec(path, 1));
    const names = (await readFile(`/proc/${String(pid)}/environ`, 'utf8'))
      .split('\0')
      .map((entry) => entry.split('=')[0]);
    expect(names).toContain('MLFLOW_TRACKING_TOKEN');
    expect(names).not.toContain('MODELYARD_GATEWAY_ADMIN_TOKEN');
    expect(names).not.toContain('SOME_SECRET');
  });
});
