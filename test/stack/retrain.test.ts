import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connected,
  CUTOFF,
  definitionOf,
  newTag,
  traced,
  type Connected,
} from './support/platform.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

describe('retrain', () => {
  it('C1 R9 R10 trains, judges and promotes by one line, and the tag answers with the new model', async () => {
    const tag = newTag('loop');
    const trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
    await on.platform.models.apply(
      definitionOf(tag, { params: { trace, depth: { nested: [1, 'two', null] } } }),
    );
    const run = await on.platform.retrain(tag, { asOf: CUTOFF });
    expect(await run.result()).toMatchObject({
      decision: 'promoted',
      modelId: `${tag}/1`,
      incumbent: null,
    });
    expect((await traced(trace)).map(({ params }) => params)).toEqual([
      { trace, depth: { nested: [1, 'two', null] } },
    ]);
    const scored = await on.platform.score(tag, {
      dataframe_records: [{ origin: 'LGA', carrier: 'DL', dep_minute: 600, distance: 700 }],
    });
    expect(scored).toMatchObject({ modelId: `${tag}/1`, predictions: [expect.any(Number)] });
  });
});
