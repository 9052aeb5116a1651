import { execFile } from 'node:child_process';
import { appendFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { MirrorFigures, PredictionRecord } from '../../temporal/contracts/predictions.js';
import { Client, modelSpec, targetOf } from './support/client.js';
import { refusedStart, spawnGateway, temporaryDirectory } from './support/gateway-process.js';

const EVER = 'from=2000-01-01T00:00:00Z&until=2999-01-01T00:00:00Z';

describe("the gateway process's prediction log", () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function directory(): Promise<string> {
    const { path, remove } = await temporaryDirectory();
    undo.push(remove);
    return path;
  }
  async function started(path: string) {
    const gateway = await spawnGateway(path);
    const client = new Client(gateway.url);
    undo.push(
      () => gateway.kill('SIGTERM'),
      () => client.close(),
    );
    return { gateway, client };
  }
  async function serving(path: string) {
    const { gateway, client } = await started(path);
    const spec = await modelSpec(path, 1);
    await client.startHost(spec);
    await client.route('flights', 1, { live: targetOf(spec) });
    return { gateway, client, host: spec.name };
  }
  async function read(client: Client): Promise<PredictionRecord[]> {
    const { text } = await client.admin('GET', `/predictions/flights?${EVER}`);
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => PredictionRecord.parse(JSON.parse(line)));
  }
  const idsOf = (records: PredictionRecord[]) => records.map(({ requestId }) => requestId).sort();
  const ask = (client: Client, ids: string[], text = 'x') =>
    Promise.all(
      ids.map((id) => client.score('flights', { inputs: [text] }, { 'x-request-id': id })),
    );
  const named = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}-${String(index).padStart(3, '0')}`);
  const filesIn = async (path: string): Promise<string[]> => {
    const place = join(path, 'predictions', 'flights');
    return (await readdir(place)).map((name) => join(place, name));
  };

  it('killed in the middle of its writing serves every record that was whole, and goes on (F28)', async () => {
    const path = await directory();
    const first = await serving(path);
    const before = named('before', 50);
    await ask(first.client, before);
    // Read is written.
    expect(idsOf(await read(first.client))).toEqual(before);
    const during = named('during', 300);
    const asked = Promise.allSettled(
      during.map((id) => ask(first.client, [id], 'x'.repeat(20_000))),
    );
    await expect
      .poll(
        async () => {
          const sizes = await Promise.all((await filesIn(path)).map(async (file) => stat(file)));
          return sizes.reduce((sum, { size }) => sum + size, 0);
        },
        { interval: 5 },
      )
      .toBeGreaterThan(1_000_000);
    await first.gateway.kill('SIGKILL');
    await asked;
    // Whether the kill met a write is chance; a line that it tore is certain.
    const [file = ''] = await filesIn(path);
    await appendFile(file, '{"at":"2026-01-01T00:00:00.000Z","tag":"fli');

    const again = await started(path);
    const kept = idsOf(await read(again.client));
    expect(kept.filter((id) => id.startsWith('before'))).toEqual(before);
    const others = kept.filter((id) => id.startsWith('during'));
    expect(others.length).toBeGreaterThan(0);
    expect(new Set(others).size).toBe(others.length);
    const after = named('after', 20);
    await again.client.hostUntil(first.host, ({ phase }) => phase === 'ready');
    await ask(again.client, after);
    expect(idsOf(await read(again.client))).toEqual([...kept, ...after].sort());
  });

  it('writes what it has when it is told to stop', async () => {
    const path = await directory();
    const first = await serving(path);
    const ids = named('last', 20);
    await ask(first.client, ids);
    expect(await first.gateway.kill('SIGTERM')).toBe(0);
    const again = await started(path);
    expect(idsOf(await read(again.client))).toEqual(ids);
  });

  it('loses and counts what a full disk does not take, fails no request, and goes on when there is room', async () => {
    const path = await directory();
    const { gateway, client } = await serving(path);
    const counts = async () =>
      MirrorFigures.parse((await client.admin('GET', '/mirrors/flights')).body).log;
    const room = (bytes: number | 'unlimited') =>
      promisify(execFile)('prlimit', [
        `--pid=${String(gateway.child.pid)}`,
        `--fsize=${String(bytes)}:unlimited`,
      ]);
    const before = named('before', 10);
    await ask(client, before);
    expect(idsOf(await read(client))).toEqual(before);
    const [file = ''] = await filesIn(path);
    // Room for some of the next write and not for all of it, as on a disk that is about to be full.
    await room((await stat(file)).size + 1_000);
    const answers = await ask(client, named('refused', 30), 'x'.repeat(500));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    await expect.poll(async () => (await counts()).lost).toBe(30);
    await room('unlimited');
    const after = named('then', 10);
    await ask(client, after);
    expect(idsOf(await read(client))).toEqual([...before, ...after]);
    expect(await counts()).toEqual({ written: 20, lost: 30 });
    expect(await filesIn(path)).toEqual([file]);
  });

  it('is set by the environment, and refuses what it cannot read there', async () => {
    const path = await directory();
    const { code, said } = await refusedStart(path, {
      MODELYARD_PREDICTION_LOG: 'maybe',
      MODELYARD_PREDICTION_LOG_REDACT: 'name',
      MODELYARD_PREDICTION_LOG_MAX_AGE: 'a while',
      MODELYARD_PREDICTION_LOG_MAX_BYTES: '-1',
    });
    expect(code).toBe(1);
    for (const name of ['', '_REDACT', '_MAX_AGE', '_MAX_BYTES'])
      expect(said).toContain(`MODELYARD_PREDICTION_LOG${name}:`);
  });
});
