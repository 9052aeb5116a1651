import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loggedBody, type BodyKind } from '../../gateway/predictions/body.js';
import { outcomeOf } from '../../gateway/mirror/copy.js';
import { bytesOf, entryOf, lineOf, withShadow } from '../../gateway/predictions/entry.js';
import { newestOf, inRange } from '../../gateway/predictions/read.js';
import { isPositional, redacted } from '../../gateway/predictions/redact.js';
import { expired } from '../../gateway/predictions/retention.js';
import { TagFiles } from '../../gateway/predictions/tag-files.js';
import { PredictionRecord } from '../../temporal/contracts/predictions.js';
import { temporaryDirectory } from './support/gateway-process.js';

describe('redaction', () => {
  const names = new Set(['secret']);

  it.each([
    [
      'rows as objects',
      { dataframe_records: [{ a: 1, secret: 2 }] },
      { dataframe_records: [{ a: 1, secret: null }] },
    ],
    [
      'columns and data',
      {
        dataframe_split: {
          columns: ['secret', 'a'],
          data: [
            [1, 2],
            [3, 4],
          ],
        },
      },
      {
        dataframe_split: {
          columns: ['secret', 'a'],
          data: [
            [null, 2],
            [null, 4],
          ],
        },
      },
    ],
    [
      'columns, index and data, whatever the order',
      { dataframe_split: { data: [[1, 2]], index: [0], columns: ['a', 'secret'] } },
      { dataframe_split: { data: [[1, null]], index: [0], columns: ['a', 'secret'] } },
    ],
    [
      'inputs of objects',
      { inputs: [{ secret: 1 }, { a: 2 }] },
      { inputs: [{ secret: null }, { a: 2 }] },
    ],
    ['instances of objects', { instances: [{ secret: [1] }] }, { instances: [{ secret: null }] }],
    [
      'inputs by column',
      { inputs: { secret: [1, 2], a: [3, 4] } },
      { inputs: { secret: null, a: [3, 4] } },
    ],
    ['what is nested', { inputs: [{ a: { secret: 1 } }] }, { inputs: [{ a: { secret: null } }] }],
    ['rows without names', { inputs: [[1, 2]] }, { inputs: [[1, 2]] }],
    [
      'data that is no table',
      { columns: ['secret'], data: [7] },
      { columns: ['secret'], data: [7] },
    ],
    ['no object at all', 'secret', 'secret'],
  ])('hides a column in %s', (_, value, expected) => {
    expect(redacted(value, names)).toEqual(expected);
    expect(redacted(value, new Set(['another']))).toBe(value);
    expect(redacted(value, new Set())).toBe(value);
  });

  it('leaves out what cannot be parsed and may name the column', () => {
    const of = (text: string, kind: BodyKind, redact = names) =>
      loggedBody(Buffer.from(text), { kind, redact });
    expect(of('a,b\n1,2\n', 'csv input')).toEqual({ value: 'a,b\n1,2\n' });
    expect(of('a,secret\n1,2\n', 'csv input')).toBe('cut');
    expect(of('{"secret": NaN}', 'output')).toBe('cut');
    expect(of('{"predictions": NaN}', 'output')).toEqual({ value: '{"predictions": NaN}' });
    expect(of('{"inputs": [[NaN]]}', 'json input')).toBe('cut');
    expect(of('{"inputs": [[NaN]]}', 'json input', new Set())).toEqual({
      value: '{"inputs": [[NaN]]}',
    });
  });

  it.each([
    ['inputs of arrays', { inputs: [[1, 2]] }, true],
    ['inputs of numbers', { inputs: [1, 2] }, true],
    ['an input that is a text', { inputs: 'a' }, true],
    ['instances of arrays', { instances: [[1, 2]] }, true],
    ['some rows that are arrays', { instances: [{ a: 1 }, [1]] }, true],
    ['records that are arrays', { dataframe_records: [[1]] }, true],
    ['data without columns', { dataframe_split: { data: [[1]] } }, true],
    ['rows and nothing around them', [[1, 2]], true],
    ['a number', 1, true],
    ['nothing', null, true],
    ['columns and data', { dataframe_split: { columns: ['a'], data: [[1]] } }, false],
    ['records', { dataframe_records: [{ a: 1 }] }, false],
    ['instances of objects', { instances: [{ a: [1] }] }, false],
    ['columns by name', { inputs: { a: [1, 2] } }, false],
    ['rows as objects and nothing around them', [{ a: 1 }], false],
    ["a form of the model's own", { question: 'why?' }, false],
  ])('cannot tell a column in an input without names: %s', (_, input, nameless) => {
    expect(isPositional(input)).toBe(nameless);
    const body = Buffer.from(JSON.stringify(input));
    const kept = { value: input };
    expect(loggedBody(body, { kind: 'json input', redact: names })).toEqual(
      nameless ? 'cut' : kept,
    );
    expect(loggedBody(body, { kind: 'json input', redact: new Set() })).toEqual(kept);
    expect(loggedBody(body, { kind: 'output', redact: names })).toEqual(kept);
  });
});

describe('a record', () => {
  const scored = {
    ...{ tag: 'flights', modelId: 'flights/1', requestId: 'r', ms: 1.23456789 },
    headers: { 'content-type': 'application/json', authorization: 'Bearer mine' },
    input: Buffer.from('{"inputs": [\n[1]]}'),
    output: Buffer.from('{"predictions": [1]}'),
  };
  const at = '2026-01-01T00:00:00.000Z';
  const read = (line: string) => PredictionRecord.parse(JSON.parse(line));

  it('is one line with its instant first, and has no header of the caller (S6)', () => {
    const line = lineOf(entryOf(scored, at, 1_000), new Set());
    expect(line.startsWith(`{"at":"${at}"`)).toBe(true);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line).not.toContain('mine');
    expect(read(line)).toEqual({
      ...{ at, tag: 'flights', modelId: 'flights/1', requestId: 'r', status: 200, ms: 1.235 },
      ...{ input: { inputs: [[1]] }, output: { predictions: [1] } },
    });
  });

  it('says where a body is larger than the log takes', () => {
    const large = { ...scored, input: Buffer.alloc(101, 0x20) };
    const entry = entryOf(large, at, 100);
    expect(read(lineOf(entry, new Set()))).toMatchObject({
      ...{ cut: true, input: null, output: { predictions: [1] } },
    });
    expect(bytesOf(entry)).toBeLessThan(bytesOf(entryOf(large, at, 200)));
  });

  it("has the candidate's answer beside the live one (S6)", () => {
    const outcome = {
      ...{ state: 'answered' as const, ms: 2, status: 200, cause: null },
      reply: Buffer.from('{"predictions": [9]}'),
    };
    const options = { modelId: 'flights/2', outcome, bodyBytes: 100 };
    const entry = withShadow(entryOf(scored, at, 100), options);
    expect(read(lineOf(entry, new Set())).shadow).toEqual({
      ...{ modelId: 'flights/2', state: 'answered', ms: 2, status: 200, cause: null },
      output: { predictions: [9] },
    });
    const cut = withShadow(entryOf(scored, at, 100), { ...options, bodyBytes: 5 });
    expect(read(lineOf(cut, new Set()))).toMatchObject({ cut: true, shadow: { output: null } });
  });
});

describe('a record with columns to redact', () => {
  const redact = new Set(['secret']);
  const line = (input: unknown, shadowStatus = 200): PredictionRecord => {
    const scored = {
      ...{ tag: 'flights', modelId: 'flights/1', requestId: 'r', ms: 1, headers: {} },
      input: Buffer.from(JSON.stringify(input)),
      output: Buffer.from('{"predictions": [1]}'),
    };
    const outcome = outcomeOf(
      { status: shadowStatus, headers: {}, body: Buffer.from('{"message": "7 is no X"}') },
      2,
    );
    const entry = entryOf(scored, '2026-01-01T00:00:00.000Z', 1_000);
    const whole = withShadow(entry, { modelId: 'flights/2', outcome, bodyBytes: 1_000 });
    return PredictionRecord.parse(JSON.parse(lineOf(whole, redact)));
  };

  it('says whether its input is what the caller sent', () => {
    expect(line({ inputs: [{ secret: 7, a: 1 }] })).toMatchObject({
      ...{ redacted: true, input: { inputs: [{ secret: null, a: 1 }] } },
    });
    expect(line({ inputs: [{ a: 1 }] })).not.toHaveProperty('redacted');
    expect(line({ inputs: [{ secret: null }] })).not.toHaveProperty('redacted');
    expect(line({ inputs: [[7]] })).toMatchObject({ cut: true, input: null });
  });

  it('has no word of a candidate that refused, which may quote a value', () => {
    const body = { inputs: [{ secret: 7 }] };
    expect(line(body, 400).shadow).toMatchObject({ status: 400, state: 'failed', output: null });
    expect(line(body, 200).shadow).toMatchObject({ output: { message: '7 is no X' } });
  });
});

describe('retention', () => {
  const file = (endMs: number, bytes = 10) => ({ endMs, bytes });
  it.each([
    ['nothing', [], {}, []],
    ['what is too old', [file(10), file(60), file(100)], { maxAgeMs: 40 }, [10]],
    ['the oldest of what is too much', [file(1), file(2), file(3)], { maxBytes: 25 }, [1]],
    [
      'all that is older than what does not fit',
      [file(1, 1), file(2, 30), file(3)],
      { maxBytes: 25 },
      [1, 2],
    ],
  ])('removes %s', (_, files, limits, gone) => {
    const removed = expired(files, { maxAgeMs: 1_000, maxBytes: 1_000, ...limits }, 100);
    expect(removed.map(({ endMs }) => endMs).sort()).toEqual(gone);
  });
});

describe('the files of a tag', () => {
  let directory: { path: string; remove: () => Promise<void> };
  let at: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    at = join(directory.path, 'flights');
  });
  afterEach(() => directory.remove());

  const limits = { fileAgeMs: 3_600_000, fileBytes: 1_000 };
  const instant = (index: number): string => new Date(1_800_000_000_000 + index).toISOString();
  const line = (index: number, text = ''): string =>
    `{"at":"${instant(index)}","index":${String(index)},"text":"${text}"}\n`;
  const never = '2999-01-01T00:00:00.000Z';
  async function all(files: TagFiles, from = instant(0), until = never): Promise<number[]> {
    const found: number[] = [];
    const segments = files.segments.map((segment) => ({ ...segment, endMs: Infinity, startMs: 0 }));
    for await (const lines of inRange(segments, { from, until }))
      for (const text of lines.trim().split('\n'))
        found.push((JSON.parse(text) as { index: number }).index);
    return found;
  }
  async function opened(): Promise<TagFiles> {
    await mkdir(at, { recursive: true });
    const files = new TagFiles(at, limits);
    await files.restore();
    return files;
  }
  const append = (files: TagFiles, ...indices: number[]): Promise<void> =>
    files.append(Buffer.from(indices.map((index) => line(index)).join('')));

  it('are read by range: from is in it, until is not', async () => {
    const files = await opened();
    await append(files, 1, 2, 3, 4);
    expect(await all(files, instant(2), instant(4))).toEqual([2, 3]);
  });

  it('change when one is large enough or old enough', async () => {
    const files = await opened();
    for (let index = 0; index < 40; index += 1) await append(files, index);
    expect(files.segments.length).toBeGreaterThan(1);
    expect(await all(files)).toEqual(Array.from({ length: 40 }, (_, index) => index));
    const hasty = new TagFiles(join(directory.path, 'hasty'), { ...limits, fileAgeMs: -1_000 });
    for (const index of [1, 2, 3]) await append(hasty, index);
    expect(hasty.segments).toHaveLength(3);
  });

  it.each([
    ['in a line', line(3).slice(0, 30)],
    ['one byte before the end of a line', line(3).slice(0, -1)],
    ['in a line longer than what is read at once', line(3, 'x'.repeat(200_000)).slice(0, -3)],
  ])('torn %s are whole again when opened, and go on', async (_, torn) => {
    const before = await opened();
    await append(before, 1, 2);
    await appendFile(before.segments[0]?.path ?? '', torn);
    const files = await opened();
    expect(await all(files)).toEqual([1, 2]);
    await append(files, 4);
    expect(await all(files)).toEqual([1, 2, 4]);
    const text = await readFile(files.segments[0]?.path ?? '', 'utf8');
    expect(text).toBe(line(1) + line(2) + line(4));
  });

  it('torn in the first line are empty', async () => {
    await mkdir(at);
    await writeFile(join(at, '1800000000000.ndjson'), '{"at":"20');
    expect(await all(await opened())).toEqual([]);
  });

  it('that end short of what was written fail their reader', async () => {
    const files = await opened();
    await append(files, 1, 2);
    await writeFile(files.segments[0]?.path ?? '', line(1));
    await expect(all(files)).rejects.toThrow('expected');
  });

  it('have their newest lines, across files, by the instant of the answer', async () => {
    const files = await opened();
    for (let index = 0; index < 40; index += 2) await append(files, index + 1, index);
    const newest = await newestOf(files.segments, 25);
    expect(newest.map((text) => (JSON.parse(text) as { index: number }).index)).toEqual(
      Array.from({ length: 25 }, (_, index) => index + 15).map((index) =>
        index === 15 ? 14 : index,
      ),
    );
    expect(await newestOf(files.segments, 1_000)).toHaveLength(40);
    expect(await newestOf([], 5)).toEqual([]);
  });
});
