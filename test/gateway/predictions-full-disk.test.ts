import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { MirrorFigures, PredictionRecord } from '../../temporal/contracts/predictions.js';
import { whyNoOwnMounts } from '../support/own-mounts.js';
import { Client, modelSpec, targetOf } from './support/client.js';
import { spawnGateway, temporaryDirectory } from './support/gateway-process.js';
import { onSmallDisk, SmallDisk } from './support/small-disk.js';

const EVER = 'from=2000-01-01T00:00:00Z&until=2999-01-01T00:00:00Z';
/** Of each record, so that none fits into what is left of the last page of a full disk. */
const LONG = 'x'.repeat(5_000);

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A gateway whose prediction log has a small disk of its own. */
async function onItsOwnDisk() {
  const { path, remove } = await temporaryDirectory();
  undo.push(remove);
  const place = join(path, 'predictions');
  await mkdir(place);
  const gateway = await spawnGateway(path, { within: onSmallDisk(place) });
  const client = new Client(gateway.url);
  undo.push(
    () => gateway.kill('SIGTERM'),
    () => client.close(),
  );
  const spec = await modelSpec(path, 1);
  await client.startHost(spec);
  for (const tag of ['flights', 'delays']) await client.route(tag, 1, { live: targetOf(spec) });
  return { gateway, client, disk: new SmallDisk(gateway.child.pid, place) };
}

const named = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${String(index)}`);

function ask(client: Client, tag: string, { ids, text = 'x' }: { ids: string[]; text?: string }) {
  const scores = ids.map((id) => client.score(tag, { inputs: [text] }, { 'x-request-id': id }));
  return Promise.all(scores);
}

async function idsIn(client: Client, tag: string): Promise<string[]> {
  const { text } = await client.admin('GET', `/predictions/${tag}?${EVER}`);
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => PredictionRecord.parse(JSON.parse(line)).requestId).sort();
}

const countsOf = async (client: Client, tag: string) =>
  MirrorFigures.parse((await client.admin('GET', `/mirrors/${tag}`)).body).log;

it('a prediction log whose disk is full loses and counts its records and says so once, fails no request, and goes on when there is room (F31)', async (context) => {
  const missing = whyNoOwnMounts();
  if (missing !== undefined) return context.skip(missing);
  const { gateway, client, disk } = await onItsOwnDisk();
  const before = named('before', 10);
  await ask(client, 'flights', { ids: before });
  expect(await idsIn(client, 'flights')).toEqual(before);

  await expect(disk.fill()).rejects.toMatchObject({ code: 'ENOSPC' });
  // One tag has a file to write to, the other one would have to make its first.
  for (const tag of ['flights', 'delays', 'flights']) {
    const { lost } = await countsOf(client, tag);
    const answers = await ask(client, tag, { ids: named('lost', 10), text: LONG });
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    // Read is written, or lost.
    expect(await idsIn(client, tag)).toEqual(tag === 'flights' ? before : []);
    expect((await countsOf(client, tag)).lost).toBe(lost + 10);
  }

  await disk.free();
  const after = named('then', 10);
  for (const tag of ['flights', 'delays']) await ask(client, tag, { ids: after, text: LONG });
  expect(await idsIn(client, 'flights')).toEqual([...before, ...after]);
  expect(await idsIn(client, 'delays')).toEqual(after);
  expect(await countsOf(client, 'flights')).toEqual({ written: 20, lost: 20 });
  expect(await countsOf(client, 'delays')).toEqual({ written: 10, lost: 10 });
  const { text: metrics } = await client.send('GET', '/metrics');
  for (const [tag, lost] of [
    ['flights', 20],
    ['delays', 10],
  ] as const)
    expect(metrics).toContain(
      `modelyard_gateway_predictions_total{tag="${tag}",state="lost"} ${String(lost)}`,
    );
  const told = gateway.said().match(/"event":"predictions-lost".*/g);
  expect(told).toEqual([expect.stringContaining('ENOSPC')]);
});
