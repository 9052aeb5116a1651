import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifacts } from '../../../activities/artifacts/port.js';
import { createPredictionActivities } from '../../../activities/predictions/activities.js';
import { createGatewayPredictions } from '../../../activities/predictions/gateway.js';
import { refusedWith } from '../../../testing/refusals.js';
import { ADMIN_TOKEN, LogServer } from './log-server.js';
import { CANDIDATE, INCUMBENT, notSent, record, unshadowed } from './records.js';

const WINDOW = { from: '2026-01-01T00:00:00.000Z', until: '2026-01-01T00:01:00.000Z' };

/** Keeps what is put, as a store would, and says whether it was there. */
class Kept implements Pick<Artifacts, 'put'> {
  readonly files = new Map<string, Uint8Array>();

  put(uri: string, content: Uint8Array): Promise<void> {
    this.files.set(uri, content);
    return Promise.resolve();
  }
}

describe('the pairs of a shadow window', () => {
  let log: LogServer;
  let kept: Kept;
  let url: string;

  beforeEach(async () => {
    log = new LogServer();
    kept = new Kept();
    url = await log.start();
  });
  afterEach(() => log.stop());

  const collect = (features: string[] = ['x'], key = 'shadow/flights/2/k') =>
    createPredictionActivities({
      predictions: createGatewayPredictions({ url, adminToken: ADMIN_TOKEN }),
      artifacts: kept as unknown as Artifacts,
    }).collectShadow({
      ...WINDOW,
      tag: 'flights',
      candidate: CANDIDATE,
      incumbent: INCUMBENT,
      features,
      key,
    });

  async function rowsOf(features?: string[]): Promise<Record<string, unknown>[]> {
    const { uri } = await collect(features);
    return readParquet(kept.files.get(uri) ?? new Uint8Array());
  }

  it('has a row for each row of a request, in order, whichever way the caller sent it (S1)', async () => {
    const input = (second: number, body: unknown, predictions: unknown[]) =>
      record(second, {
        input: body,
        output: { predictions },
        shadow: { output: { predictions: predictions.map((_, at) => at) } },
      });
    log.records = [
      input(1, { dataframe_records: [{ x: 1, 'a/b': 'é' }, { x: null }] }, [0.1, 0.2]),
      input(
        2,
        {
          dataframe_split: {
            columns: ['a/b', 'x'],
            data: [
              ['~', 2],
              [null, 3],
            ],
          },
        },
        [0, 1],
      ),
      input(3, { inputs: [{ x: 4 }] }, [0.3]),
      input(4, { instances: [{ x: [5, 6] }] }, [{ yes: 0.4, no: 0.6 }]),
      input(5, { inputs: { x: [7, 8], 'a/b': [true, false] } }, ['up', 'down']),
      input(6, { inputs: { x: 9 } }, [null]),
    ];
    const rows = await rowsOf(['x', 'a/b']);
    expect(
      rows.map((row) => [row['request_id'], row['position'], row['live'], row['shadow']]),
    ).toEqual([
      ['request-1', 0, '0.1', '0'],
      ['request-1', 1, '0.2', '1'],
      ['request-2', 0, '0', '0'],
      ['request-2', 1, '1', '1'],
      ['request-3', 0, '0.3', '0'],
      ['request-4', 0, '{"yes":0.4,"no":0.6}', '0'],
      ['request-5', 0, '"up"', '0'],
      ['request-5', 1, '"down"', '1'],
      ['request-6', 0, null, '0'],
    ]);
    expect(rows.map((row) => [row['input:x'], row['input:a/b']])).toEqual([
      ['1', '"é"'],
      ['null', 'null'],
      ['2', '"~"'],
      ['3', 'null'],
      ['4', 'null'],
      ['[5,6]', 'null'],
      ['7', 'true'],
      ['8', 'false'],
      ['9', 'null'],
    ]);
    expect(rows[0]).toMatchObject({
      at: '2026-01-01T00:00:01.000Z',
      live_ms: 5,
      shadow_ms: 10,
      shadow_state: 'answered',
    });
  });

  it('knows no column of a body that names none', async () => {
    log.records = [
      record(1, { input: 'x\n1\n' }),
      record(2, { input: { inputs: [[1]] } }),
      record(3, { input: null, cut: true }),
    ];
    expect((await rowsOf()).map((row) => row['input:x'])).toEqual([null, null, null]);
  });

  it('counts what became of the copies, and keeps a row also where none was answered (S1)', async () => {
    log.records = [
      record(1),
      record(2, { shadow: notSent('dropped') }),
      record(3, { shadow: notSent('unsampled') }),
      record(4, { shadow: { state: 'failed', status: 500, output: { code: 'X' } } }),
      record(5, { shadow: { output: { predictions: [1, 2] } } }),
      record(6, { output: null, cut: true }),
    ];
    const { requests, rows, uri } = await collect();
    expect(requests).toEqual({ eligible: 6, mirrored: 3, dropped: 1, failed: 1 });
    expect(rows).toBe(5);
    const read = await readParquet(kept.files.get(uri) ?? new Uint8Array());
    expect(read.map((row) => [row['shadow_state'], row['shadow'], row['shadow_ms']])).toEqual([
      ['answered', '0.5', 10],
      ['dropped', null, null],
      ['unsampled', null, null],
      ['failed', null, 10],
      ['answered', null, 10],
    ]);
  });

  it('leaves out requests of other models, refused ones and those of no mirror', async () => {
    log.records = [
      record(1, { modelId: 'flights/3' }),
      record(2, { shadow: { modelId: 'flights/4' } }),
      record(3, { status: 400 }),
      unshadowed(4),
      { ...record(5), at: '2026-01-01T00:01:00.000Z' },
    ];
    const { requests, rows } = await collect();
    expect(requests).toEqual({ eligible: 0, mirrored: 0, dropped: 0, failed: 0 });
    expect(rows).toBe(0);
  });

  it('of an empty window are a file without rows (S1)', async () => {
    const { requests, rows, uri } = await collect(['x', 'X', 'at']);
    expect([requests.eligible, rows]).toEqual([0, 0]);
    expect(await readParquet(kept.files.get(uri) ?? new Uint8Array())).toEqual([]);
    expect((await collect([])).rows).toBe(0);
  });

  it('asked for again are the same file (F2, S5)', async () => {
    log.records = Array.from({ length: 40 }, (_, at) => record(at + 1));
    const first = await collect();
    expect(await collect()).toEqual(first);
    expect([...kept.files.keys()]).toEqual([first.uri]);
    expect(first.uri).toMatch(
      /^mlflow-artifacts:\/modelyard\/shadow\/shadow-flights-2-k-\w+\/[0-9a-f]{64}\.parquet$/,
    );
    expect(first.bytes).toBe(kept.files.get(first.uri)?.byteLength);
  });

  it.each(['connection cut', 'line cut'] as const)(
    'are not made of a part of the log: %s (F28)',
    async (ending) => {
      log.records = [record(1), record(2)];
      log.ending = ending;
      await refusedWith('GatewayUnavailable', collect());
      expect(kept.files.size).toBe(0);
    },
  );

  it('are not made of what is no prediction record', async () => {
    log.records = [record(1)];
    log.noise = '{{{\n';
    await refusedWith('GatewayRefused', collect());
  });
});

async function readParquet(content: Uint8Array): Promise<Record<string, unknown>[]> {
  const directory = await mkdtemp(join(tmpdir(), 'pairs-test-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await writeFile(join(directory, 'pairs.parquet'), content);
    const answer = await connection.runAndReadAll(
      `SELECT * FROM read_parquet('${join(directory, 'pairs.parquet')}')`,
    );
    return answer.getRowObjectsJS();
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(directory, { recursive: true });
  }
}
