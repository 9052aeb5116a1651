import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startGateway } from '../../gateway/gateway.js';
import { MirrorFigures, PredictionRecord } from '../../temporal/contracts/predictions.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { makeBed, type Bed, type Changes } from './support/bed.js';
import { targetOf } from './support/client.js';

const EVER = 'from=2000-01-01T00:00:00Z&until=2999-01-01T00:00:00Z';
const idOf = (index: number) => ({ 'x-request-id': `id-${String(index)}` });

describe('the prediction log', () => {
  let bed: Bed;
  let live: HostSpec;
  afterEach(() => bed.dispose());

  async function open(changes: Changes = {}): Promise<void> {
    bed = await makeBed(changes);
    live = await bed.model(1);
    await bed.client.startHost(live);
    await bed.client.route('flights', 1, { live: targetOf(live) });
  }
  async function read(query = EVER, tag = 'flights'): Promise<PredictionRecord[]> {
    const { status, text } = await bed.client.admin('GET', `/predictions/${tag}?${query}`);
    if (status !== 200) throw new Error(text);
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => PredictionRecord.parse(JSON.parse(line)));
  }
  async function counts(tag = 'flights'): Promise<MirrorFigures['log']> {
    return MirrorFigures.parse((await bed.client.admin('GET', `/mirrors/${tag}`)).body).log;
  }
  async function ask(count: number, tag = 'flights', body?: unknown): Promise<void> {
    const answers = await Promise.all(
      Array.from({ length: count }, (_, index) => bed.client.score(tag, body, idOf(index))),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }

  it('has what was asked, what was answered, by whom and how fast (S6)', async () => {
    await open();
    const from = new Date().toISOString();
    await bed.client.score('flights', { inputs: [[1], [2]] }, idOf(7));
    const [record, ...others] = await read();
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      ...{ tag: 'flights', modelId: 'flights/1', requestId: 'id-7', status: 200 },
      ...{ input: { inputs: [[1], [2]] }, output: { predictions: [1, 1] } },
    });
    expect(record).not.toHaveProperty('shadow');
    expect(record?.ms).toBeGreaterThan(0);
    expect(Date.parse(record?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(from));
  });

  it('has requests of both protocols and of canaries, and none that were not answered with 200 (S6, G7)', async () => {
    await open();
    const canary = await bed.model(2);
    await bed.client.startHost(canary);
    await bed.client.route('flights', 2, {
      live: targetOf(live),
      canary: { ...targetOf(canary), weightPercent: 100 },
    });
    await ask(1);
    await bed.client.send('POST', '/endpoints/flights/invocations', {
      body: 'a\n1\n',
      headers: { 'content-type': 'text/csv' },
    });
    for (const fault of [400, 500, 'garbage', 'drop']) await bed.client.score('flights', { fault });
    const seen = (await read()).map(({ modelId, input }) => ({ modelId, input }));
    expect(seen).toEqual([
      { modelId: 'flights/2', input: { inputs: [[1]] } },
      { modelId: 'flights/2', input: 'a\n1\n' },
    ]);
  });

  it('is read by range, and by what is newest', async () => {
    await open();
    for (let index = 0; index < 6; index += 1) {
      await bed.client.score('flights', undefined, idOf(index));
      await sleep(5);
    }
    const records = await read();
    const [, second, , fourth] = records.map(({ at }) => at);
    const ids = (found: PredictionRecord[]) => found.map(({ requestId }) => requestId);
    expect(ids(await read(`from=${String(second)}&until=${String(fourth)}`))).toEqual([
      'id-1',
      'id-2',
    ]);
    expect(ids(await read('last=2'))).toEqual(['id-4', 'id-5']);
    expect(ids(await read('last=100'))).toHaveLength(6);
  });

  it('refuses to read what it does not have', async () => {
    await open();
    const { client } = bed;
    const answers = [
      await client.send('GET', `/admin/predictions/flights?${EVER}`),
      await client.admin('GET', `/predictions/never?${EVER}`),
      await client.admin('GET', '/predictions/flights'),
      await client.admin('GET', '/predictions/flights?last=101'),
      await client.admin('GET', '/predictions/flights?from=yesterday&until=today'),
    ];
    expect(answers.map(({ status, body }) => [status, body['code']])).toEqual([
      [401, 'Unauthorized'],
      [404, 'UnknownTag'],
      [400, 'InvalidRequest'],
      [400, 'InvalidRequest'],
      [400, 'InvalidRequest'],
    ]);
  });

  it('keeps tags apart, and counts them for Prometheus (G6)', async () => {
    await open();
    await bed.client.route('other', 1, { live: targetOf(live) });
    await Promise.all([ask(40, 'flights'), ask(25, 'other')]);
    expect((await read()).map(({ tag }) => tag)).toEqual(Array(40).fill('flights'));
    expect((await read(EVER, 'other')).map(({ tag }) => tag)).toEqual(Array(25).fill('other'));
    expect([await counts(), await counts('other')]).toEqual([
      { written: 40, lost: 0 },
      { written: 25, lost: 0 },
    ]);
    expect((await bed.client.send('GET', '/metrics')).text).toContain(
      'modelyard_gateway_predictions_total{tag="other",state="written"} 25',
    );
  });

  it('writes no value of a column that is to be redacted, to its files either', async () => {
    await open({ predictions: { redact: ['passport'] } });
    await ask(1, 'flights', { inputs: [{ passport: 'X-SECRET', distance: 7 }] });
    await bed.client.send('POST', '/v1/tags/flights/score', {
      body: 'passport,distance\nX-SECRET,7\n',
      headers: { 'content-type': 'text/csv' },
    });
    expect((await read()).map(({ input, cut }) => ({ input, cut }))).toEqual([
      { input: { inputs: [{ passport: null, distance: 7 }] }, cut: undefined },
      { input: null, cut: true },
    ]);
    const { text } = await bed.client.admin('GET', `/predictions/flights?${EVER}`);
    expect(text).not.toContain('X-SECRET');
  });

  it('cuts a body that is larger than it takes', async () => {
    await open();
    await ask(1, 'flights', { inputs: ['x'.repeat(300_000)] });
    expect((await read())[0]).toMatchObject({
      cut: true,
      input: null,
      output: { predictions: [1] },
    });
  });

  it('rotates its files, and keeps the newest that fit', async () => {
    await open({ predictions: { maxBytes: 40_000 } });
    const body = { inputs: ['x'.repeat(1_000)] };
    for (let round = 0; round < 10; round += 1) {
      await ask(10, 'flights', body);
      await read('last=1');
    }
    const files = () => readdir(join(bed.directory, 'predictions', 'flights'));
    expect((await files()).length).toBeGreaterThan(2);
    expect((await files()).length).toBeLessThanOrEqual(8);
    const kept = (await read()).map(({ at }) => at);
    expect(kept.length).toBeLessThan(100);
    expect(kept.at(-1)).toBe((await read('last=1'))[0]?.at);
    await bed.gateway.close();
    const shorter = { ...bed.options.predictions, maxAgeMs: 1 };
    const again = await startGateway({ ...bed.options, predictions: shorter }, () => undefined);
    await expect.poll(files).toEqual([]);
    await again.close();
  });

  it('loses what memory does not hold, and fails no request', async () => {
    await open({ predictions: { pendingBytes: 20_000, flushMs: 60_000, flushBytes: 1_000_000 } });
    await ask(60, 'flights', { inputs: ['x'.repeat(1_000)] });
    await expect.poll(async () => (await counts()).lost).toBeGreaterThan(0);
    const kept = (await read()).length;
    expect(await counts()).toEqual({ written: kept, lost: 60 - kept });
    await ask(5);
    expect(await read()).toHaveLength(kept + 5);
  });

  it('fails no request where it cannot be written, says so once, and goes on where it can', async () => {
    await open();
    const place = join(bed.directory, 'predictions', 'flights');
    await rm(place, { recursive: true, force: true });
    await writeFile(place, 'a file where the directory would be');
    for (let round = 0; round < 3; round += 1) {
      await ask(10);
      await expect.poll(counts).toEqual({ written: 0, lost: 10 * (round + 1) });
    }
    expect(bed.events.filter(({ event }) => event === 'predictions-lost')).toHaveLength(1);
    await rm(place);
    await ask(10);
    expect(await read()).toHaveLength(10);
  });

  it('waits for the copies of what is read, so that a window is read whole', async () => {
    await open();
    const candidate = await bed.model(2, { delayMs: 400 });
    await bed.client.startHost(candidate);
    const until = '2999-01-01T00:00:00.000Z';
    const mirror = { ...targetOf(candidate), samplingPercent: 100, until };
    await bed.client.route('flights', 2, { live: targetOf(live), mirror });
    await ask(5);
    await bed.client.route('flights', 3, { live: targetOf(live) });
    expect((await read()).map(({ shadow }) => shadow?.state)).toEqual(Array(5).fill('answered'));
  });

  it('cuts the connection when it cannot be read to the end', async () => {
    await open({ predictions: { fileBytes: 20_000 } });
    const body = { inputs: ['x'.repeat(1_000)] };
    for (let round = 0; round < 6; round += 1) {
      await ask(10, 'flights', body);
      await read('last=1');
    }
    const directory = join(bed.directory, 'predictions', 'flights');
    const last = (await readdir(directory)).sort().at(-1) ?? '';
    await rm(join(directory, last));
    await expect(bed.client.admin('GET', `/predictions/flights?${EVER}`)).rejects.toThrow();
  });

  it('can be turned off, and the mirror counts without it', async () => {
    await open({ predictions: { enabled: false } });
    const candidate = await bed.model(2);
    await bed.client.startHost(candidate);
    const mirror = { samplingPercent: 100, until: '2999-01-01T00:00:00.000Z' };
    await bed.client.route('flights', 2, {
      live: targetOf(live),
      mirror: { ...targetOf(candidate), ...mirror },
    });
    await ask(3);
    const figures = async () =>
      MirrorFigures.parse((await bed.client.admin('GET', '/mirrors/flights')).body);
    await expect.poll(async () => (await figures()).candidates['flights/2']?.mirrored).toBe(3);
    expect((await figures()).log).toEqual({ written: 0, lost: 0 });
    const answer = await bed.client.admin('GET', `/predictions/flights?${EVER}`);
    expect([answer.status, answer.body['code']]).toEqual([409, 'PredictionLogOff']);
  });
});
