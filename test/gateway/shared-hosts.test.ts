import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTimeOf } from '../../gateway/hosts/identity.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { testPython } from '../support/mlflow-server.js';
import type { Bed, Changes } from './support/bed.js';
import { Client, targetOf } from './support/client.js';
import {
  spawnGateway,
  temporaryDirectory,
  type GatewayProcess,
} from './support/gateway-process.js';
import { makeRealBed, REAL_HARNESS, saveModels } from './support/real-models.js';

/** The machine may be busy, and the harness loads numpy and scikit-learn. */
const START_LIMIT_MS = 60_000;
const LONG = { timeout: START_LIMIT_MS };
const ROW = { dataframe_records: [{ x: 7 }] };

const shared = (spec: HostSpec, name = spec.name): HostSpec => ({ ...spec, name, kind: 'shared' });
const otherDigest = (digest: string): string =>
  digest.replace(/.$/, (last) => (last === '0' ? '1' : '0'));

describe('shared hosts', { timeout: 2 * START_LIMIT_MS }, () => {
  let models: HostSpec[];
  let stored: Awaited<ReturnType<typeof temporaryDirectory>>;
  const undo: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    stored = await temporaryDirectory();
    models = await saveModels(stored.path, [2, 3]);
  }, START_LIMIT_MS);
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  afterAll(() => stored.remove());

  async function twoTags(
    changes: Changes = {},
  ): Promise<{ bed: Bed; two: HostSpec; three: HostSpec }> {
    const bed = await makeRealBed(changes);
    undo.push(() => bed.dispose());
    const [two, three] = specs();
    await serve(bed.client, { two, three });
    return { bed, two, three };
  }

  const specs = (): [HostSpec, HostSpec] => {
    const [two, three] = models;
    if (!two || !three) throw new Error('expected two models');
    return [shared(two), shared(three)];
  };

  async function serve(client: Client, tags: Record<string, HostSpec>): Promise<void> {
    for (const [tag, spec] of Object.entries(tags)) {
      await client.startHost(spec, { withinMs: START_LIMIT_MS });
      const { status, text } = await client.route(tag, 1, { live: targetOf(spec) });
      expect(status, text).toBe(200);
    }
  }

  async function score(client: Client, tag: string): Promise<unknown[]> {
    const { status, body } = await client.score(tag, ROW);
    const [prediction] = (body['predictions'] ?? []) as number[];
    return [status, body['modelId'], Math.round(prediction ?? Number.NaN)];
  }

  it('of two tags are two models on one process, each with its own digest and answers (G2, G3)', async () => {
    const { bed, two, three } = await twoTags();
    const [first, second] = [await bed.client.host(two.name), await bed.client.host(three.name)];
    expect([first.pid, first.digest]).toEqual([second.pid, two.digest]);
    expect(second.digest).toBe(three.digest);
    expect(await score(bed.client, 'two')).toEqual([200, 'times/2', 14]);
    expect(await score(bed.client, 'three')).toEqual([200, 'times/3', 21]);
  });

  it('both serve again after their process was killed', async () => {
    const { bed, two, three } = await twoTags();
    const { pid } = await bed.client.host(two.name);
    process.kill(pid, 'SIGKILL');
    for (const { name } of [two, three]) {
      const after = await bed.client.hostUntil(
        name,
        (host) => host.phase === 'ready' && host.pid !== pid,
        START_LIMIT_MS,
      );
      expect(after.restarts).toBe(1);
    }
    expect(await score(bed.client, 'two')).toEqual([200, 'times/2', 14]);
    expect(await score(bed.client, 'three')).toEqual([200, 'times/3', 21]);
  });

  it('leave the others when one is retired, and the process ends with the last (I10)', async () => {
    const { bed, two, three } = await twoTags();
    const { pid } = await bed.client.host(two.name);
    const retire = async (tag: string, { name }: HostSpec): Promise<void> => {
      await bed.client.route(tag, 2, { live: null });
      expect((await bed.client.admin('DELETE', `/hosts/${name}`)).status).toBe(204);
    };
    await retire('two', two);
    expect(await score(bed.client, 'three')).toEqual([200, 'times/3', 21]);
    expect((await bed.client.host(three.name)).pid).toBe(pid);
    await retire('three', three);
    expect(startTimeOf(pid)).toBeUndefined();
    expect(await readdir(join(bed.directory, 'shared'))).toEqual([]);
    expect(await readdir(join(bed.directory, 'hosts'))).toEqual([]);
    await serve(bed.client, { again: two });
    expect(await score(bed.client, 'again')).toEqual([200, 'times/2', 14]);
  });

  it('are ready only with the digest asked for, and one that is refused fails alone (F20)', async () => {
    const { bed, two } = await twoTags();
    const altered = { ...shared(two, 'altered'), digest: otherDigest(two.digest) };
    const host = await bed.client.startHost(altered, {
      phase: 'unhealthy',
      withinMs: START_LIMIT_MS,
    });
    expect(host.detail).toContain('IntegrityError');
    const refused = await bed.client.route('altered', 1, { live: targetOf(altered) });
    expect(refused.body['code']).toBe('HostNotReady');
    expect(await score(bed.client, 'two')).toEqual([200, 'times/2', 14]);
  });

  it('of more models than there is room for take turns in memory and all answer', async () => {
    const { bed } = await twoTags({ modelServer: { shared: { models: 1, memoryMib: 2_048 } } });
    for (let round = 0; round < 3; round += 1) {
      expect(await score(bed.client, 'two')).toEqual([200, 'times/2', 14]);
      expect(await score(bed.client, 'three')).toEqual([200, 'times/3', 21]);
    }
  });

  it('take a tag from a dedicated host and give it back without a failed request (G2, G7)', async () => {
    const { bed, two } = await twoTags();
    const dedicated: HostSpec = { ...two, name: 'dedicated', kind: 'dedicated' };
    await bed.client.startHost(dedicated, { withinMs: START_LIMIT_MS });
    const moves = [dedicated, two, dedicated, two, dedicated];
    const seen: unknown[] = [];
    let moving = true;
    const caller = (async () => {
      while (moving) seen.push(await score(bed.client, 'two'));
    })();
    for (const [index, spec] of moves.entries()) {
      const answered = seen.length;
      expect((await bed.client.route('two', 2 + index, { live: targetOf(spec) })).status).toBe(200);
      await expect.poll(() => seen.length, LONG).toBeGreaterThan(answered + 5);
    }
    moving = false;
    await caller;
    expect([...new Set(seen.map((answer) => JSON.stringify(answer)))]).toEqual([
      JSON.stringify([200, 'times/2', 14]),
    ]);
  });

  it('are mirrored to and mirrored from like any other (G5)', async () => {
    const { bed, two, three } = await twoTags();
    const dedicated: HostSpec = { ...two, name: 'dedicated', kind: 'dedicated' };
    await bed.client.startHost(dedicated, { withinMs: START_LIMIT_MS });
    const window = { samplingPercent: 100, until: new Date(Date.now() + 3_600_000).toISOString() };
    const pairs: [string, HostSpec, HostSpec][] = [
      ['to-shared', dedicated, three],
      ['from-shared', three, dedicated],
    ];
    for (const [tag, live, mirror] of pairs) {
      const route = { live: targetOf(live), mirror: { ...targetOf(mirror), ...window } };
      expect((await bed.client.route(tag, 1, route)).status).toBe(200);
      expect((await bed.client.score(tag, ROW)).body['modelId']).toBe(live.modelId);
      const figures = async () => (await bed.client.admin('GET', `/mirrors/${tag}`)).body;
      await expect
        .poll(figures, LONG)
        .toMatchObject({ candidates: { [mirror.modelId]: { mirrored: 1, failed: 0 } } });
    }
  });

  it('and their process go on under a gateway that was killed and started again (F28)', async () => {
    const { path, remove } = await temporaryDirectory();
    const env = { MODELYARD_PYTHON: await testPython(), MODELYARD_HARNESS: REAL_HARNESS };
    const started = async (port = 0): Promise<{ gateway: GatewayProcess; client: Client }> => {
      const gateway = await spawnGateway(path, { port, env });
      const client = new Client(gateway.url);
      undo.push(
        () => gateway.kill('SIGTERM'),
        () => client.close(),
      );
      return { gateway, client };
    };
    undo.push(remove);
    const [two, three] = specs();
    const first = await started();
    await serve(first.client, { two, three });
    const before = [await first.client.host(two.name), await first.client.host(three.name)];
    await first.gateway.kill('SIGKILL');

    const again = await started(first.gateway.port);
    // The first request after 'ready': adopted hosts serve at once.
    expect(await score(again.client, 'three')).toEqual([200, 'times/3', 21]);
    expect([await again.client.host(two.name), await again.client.host(three.name)]).toEqual(
      before,
    );
    const [adopted] = before;
    process.kill(adopted?.pid ?? 0, 'SIGKILL');
    await again.client.hostUntil(
      two.name,
      ({ phase, pid }) => phase === 'ready' && pid !== adopted?.pid,
      START_LIMIT_MS,
    );
    expect(await score(again.client, 'two')).toEqual([200, 'times/2', 14]);
  });
});
