import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../gateway/gateway.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { makeBed, type Bed } from './support/bed.js';
import { Client, targetOf } from './support/client.js';

describe('the admin API for routes', () => {
  let bed: Bed;
  let one: HostSpec;
  let two: HostSpec;

  beforeAll(async () => {
    bed = await makeBed();
    [one, two] = [await bed.model(1), await bed.model(2)];
    for (const spec of [one, two]) await bed.client.startHost(spec);
  });
  afterAll(() => bed.dispose());

  it.each([
    ['no token', undefined],
    ['another token', 'Bearer another'],
    ['the token without its scheme', 'a token for tests'],
  ])('refuses a call with %s', async (_what, authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    for (const path of ['/admin/routes', '/admin/hosts', '/admin/routes/flights']) {
      const answer = await bed.client.send('GET', path, { headers });
      expect([answer.status, answer.body['code']]).toEqual([401, 'Unauthorized']);
    }
  });

  it('refuses an old fence, and a taken one with another route, and says what is in force (I7, F3)', async () => {
    const route = { live: targetOf(one) };
    await bed.client.route('fenced', 5, route);
    for (const [fence, other] of [
      [4, route],
      [5, { live: targetOf(two) }],
    ] as const) {
      const answer = await bed.client.route('fenced', fence, other);
      expect(answer.status).toBe(409);
      expect(answer.body).toMatchObject({ code: 'StaleFence', fence: 5, route });
    }
    expect((await bed.client.route('fenced', 5, route)).body).toEqual({
      tag: 'fenced',
      fence: 5,
      route,
    });
  });

  it('refuses a target whose host is unknown, serves another model, or is not ready', async () => {
    const slow = await bed.model(3, { readyAfterMs: 60_000 });
    await bed.client.startHost(slow, { phase: 'starting' });
    const write = async (live: { modelId: string; host: string }) =>
      (await bed.client.route('careful', 1, { live })).body['code'];
    expect(await write({ modelId: 'flights/9', host: 'nobody' })).toBe('HostUnknown');
    expect(await write({ modelId: 'flights/9', host: one.name })).toBe('HostMismatch');
    expect(await write(targetOf(slow))).toBe('HostNotReady');
    expect((await bed.client.admin('GET', '/routes/careful')).body).toMatchObject({
      fence: 0,
      route: { live: null },
    });
  });

  it('ends a canary though the live host is just not ready, and takes nothing live at any time', async () => {
    const fragile = await bed.model(4);
    const { pid } = await bed.client.startHost(fragile);
    const live = targetOf(fragile);
    await bed.client.route('ending', 1, { live, canary: { ...targetOf(one), weightPercent: 10 } });
    await writeFile(fragile.modelUri, JSON.stringify({ value: 4, readyAfterMs: 60_000 }));
    process.kill(pid, 'SIGKILL');
    await bed.client.hostUntil(fragile.name, (host) => host.phase !== 'ready');
    expect((await bed.client.route('ending', 2, { live })).status).toBe(200);
    expect((await bed.client.score('ending')).body['code']).toBe('HostNotReady');
    expect((await bed.client.route('ending', 3, { live: null })).status).toBe(200);
  });

  it('names every problem of a malformed write with its place', async () => {
    const answer = await bed.client.admin('PUT', '/routes/flights', {
      fence: -1,
      route: { live: { modelId: 'x' } },
    });
    expect([answer.status, answer.body['code']]).toEqual([400, 'InvalidRequest']);
    for (const place of ['body.fence', 'body.route.live.modelId', 'body.route.live.host'])
      expect(answer.body['message']).toContain(place);
  });

  it('has a route on disk before it acknowledges it', async () => {
    await bed.client.route('durable', 1, { live: targetOf(one) });
    const stored: unknown = JSON.parse(
      await readFile(join(bed.directory, 'routes', 'durable.json'), 'utf8'),
    );
    expect(stored).toEqual({ tag: 'durable', fence: 1, route: { live: targetOf(one) } });
  });

  it('lists all routes', async () => {
    await bed.client.route('listed', 1, { live: targetOf(two) });
    const { routes } = (await bed.client.admin('GET', '/routes')).body as { routes: unknown[] };
    expect(routes).toContainEqual({ tag: 'listed', fence: 1, route: { live: targetOf(two) } });
  });
});

describe('routes after a crash in the middle of a write', () => {
  it('keep the last whole write, whatever stands in the unfinished one (F28)', async () => {
    const bed = await makeBed();
    const spec = await bed.model(1);
    await bed.client.startHost(spec);
    await bed.client.route('torn', 3, { live: targetOf(spec) });
    await bed.gateway.close();
    const routes = join(bed.directory, 'routes');
    await writeFile(join(routes, 'torn.json.tmp'), '{"tag":"torn","fence":4,"rou');
    await writeFile(join(routes, 'new.json.tmp'), '');
    const gateway = await startGateway(bed.options, () => undefined);
    const client = new Client(gateway.url);
    expect((await client.admin('GET', '/routes/torn')).body['fence']).toBe(3);
    expect((await client.admin('GET', '/routes/new')).body['fence']).toBe(0);
    expect(await readdir(routes)).toEqual(['torn.json']);
    await client.close();
    await gateway.close();
    await bed.dispose();
  });

  it('hold up no other tag when one file is damaged, and that tag is neither served nor written (I7)', async () => {
    const bed = await makeBed();
    const spec = await bed.model(1);
    await bed.client.startHost(spec);
    for (const tag of ['sound', 'damaged'])
      await bed.client.route(tag, 3, { live: targetOf(spec) });
    await bed.gateway.close();
    await writeFile(join(bed.directory, 'routes', 'damaged.json'), '{"tag":"damaged","fence":');
    const gateway = await startGateway(bed.options, () => undefined);
    const client = new Client(gateway.url);
    await client.hostUntil(spec.name, (host) => host.phase === 'ready');
    expect((await client.score('sound')).status).toBe(200);
    expect((await client.score('damaged')).body).toMatchObject({ code: 'RouteUnreadable' });
    expect((await client.route('damaged', 1, { live: null })).body).toMatchObject({
      code: 'RouteUnreadable',
    });
    await client.close();
    await gateway.close();
    await bed.dispose();
  });
});
