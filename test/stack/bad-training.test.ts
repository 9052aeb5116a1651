import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunFailedError, type RetrainOptions } from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from './support/left-behind.js';
import {
  connected,
  CUTOFF,
  definitionOf,
  newTag,
  traced,
  type Connected,
} from './support/platform.js';
import { expectUnharmed } from './support/unharmed.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

describe('a tag with a live model', () => {
  const tag = newTag('troubled');
  const unharmed = { live: `${tag}/1`, versions: 1 };
  const { gate, training } = definitionOf(tag);
  beforeAll(async () => {
    await on.platform.models.apply(definitionOf(tag));
    await (await on.platform.retrain(tag, { asOf: CUTOFF })).result();
  });

  async function failure(options: RetrainOptions): Promise<RunFailedError> {
    const run = await on.platform.retrain(tag, { asOf: CUTOFF, ...options });
    const error: unknown = await run.result().then(
      (result) => result,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(RunFailedError);
    const status = await run.status();
    expect(status).toMatchObject({ state: 'failed', stage: 'training' });
    expect(status.stages.find(({ name }) => name === 'training')?.state).toBe('failed');
    return error as RunFailedError;
  }

  it("R5 tells the user's own exception with its traceback, and tries it once", async () => {
    const trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
    const error = await failure({ params: { behave: 'raise', trace } });
    expect(error).toMatchObject({ stage: 'training', failureType: 'JobFailed' });
    expect(error.message).toContain('ValueError');
    expect(error.message).toContain('the label column is upside down');
    expect(error.message).toMatch(/train\.py", line \d+, in train/);
    expect(await traced(trace)).toHaveLength(1);
    await expectUnharmed(on, tag, unharmed);
  });

  it('R4 refuses what `train` returned when it is no model', async () => {
    const error = await failure({ params: { behave: 'none' } });
    expect(error.message).toMatch(/NotAModel.*None/s);
    await expectUnharmed(on, tag, unharmed);
  });

  it('R4 refuses a model of a type that nobody has allowed to be loaded, and names it', async () => {
    const error = await failure({ params: { behave: 'own-class' } });
    expect(error.message).toMatch(/TypeNotAllowed.*train\.OwnClass/s);
    await expectUnharmed(on, tag, unharmed);
  });

  it('F21 refuses a model that predicts NaN before it becomes a version', async () => {
    const error = await failure({ params: { behave: 'nan' } });
    expect(error.message).toMatch(/finite predictions, got NaN or infinity for \d+ of \d+ rows/);
    await expectUnharmed(on, tag, unharmed);
  });

  it('F21 refuses a holdout without rows, and one with fewer than the gate asks for', async () => {
    const empty = await failure({ asOf: new Date('2012-06-01T00:00:00Z') });
    expect(empty.message).toMatch(/BadData/);
    await expectUnharmed(on, tag, unharmed);
    await on.platform.models.apply(
      definitionOf(tag, { gate: { ...gate, minHoldoutRows: 1_000_000 } }),
    );
    const small = await failure({});
    expect(small.message).toMatch(/at least 1000000 labelled rows in the holdout, got \d+/);
    await expectUnharmed(on, tag, unharmed);
  });

  it('F17 ends a `train` that hangs at its timeout, with every process of it', async () => {
    const trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
    await on.platform.models.apply(
      definitionOf(tag, { training: { ...training, timeout: '15s' } }),
    );
    const error = await failure({ params: { behave: 'hang', trace } });
    expect(error).toMatchObject({ stage: 'training', failureType: 'JobFailed' });
    expect(error.message).toMatch(/deadline/i);
    const [ran] = await traced(trace);
    expect(ran).toBeDefined();
    expect(isAlive(ran?.pid ?? process.pid)).toBe(false);
    await expectUnharmed(on, tag, unharmed);
  });
});
