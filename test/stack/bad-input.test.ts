import { Client, Connection } from '@temporalio/client';
import { METADATA_ENCODING_KEY } from '@temporalio/common';
import {
  InvalidDefinitionError,
  InvalidRequestError,
  RunCancelledError,
  RunFailedError,
  UnknownTagError,
  type ModelDefinition,
} from 'modelyard';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openJobs, runsOf } from './support/left-behind.js';
import { connected, CUTOFF, definitionOf, newTag, type Connected } from './support/platform.js';

let on: Connected;
let temporal: Client;
beforeAll(async () => {
  on = await connected();
  const { address, namespace } = on.stack.temporal;
  temporal = new Client({ connection: await Connection.connect({ address }), namespace });
});
afterAll(async () => {
  await temporal.connection.close();
  await on.platform.close();
});

const refused = async (call: Promise<unknown>): Promise<unknown> => {
  const answer: unknown = await call.then(
    () => 'it was accepted',
    (error: unknown) => error,
  );
  return answer;
};
const pathsOf = (error: unknown): string[] =>
  (error as InvalidDefinitionError).issues.map(({ path }) => path).sort();

/** Nothing of the tag is known anywhere. */
async function expectNothing(tag: string): Promise<void> {
  await expect(on.platform.status(tag)).rejects.toThrow(UnknownTagError);
  expect(await runsOf(on.stack, tag)).toEqual([]);
  expect(await openJobs(tag)).toEqual([]);
}

describe('a definition that cannot be right', () => {
  it('R1 names every missing field at once, and starts nothing', async () => {
    const tag = newTag('lacking');
    const error = await refused(
      on.platform.models.apply({
        tag,
        training: { code: definitionOf(tag).training.code },
        gate: { metrics: [] },
      } as unknown as ModelDefinition),
    );
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    expect(pathsOf(error)).toEqual([
      'gate.metrics',
      'owner',
      'training.data',
      'training.features',
      'training.holdout',
      'training.label',
      'training.task',
    ]);
    for (const path of pathsOf(error)) expect((error as Error).message).toContain(path);
    await expectNothing(tag);
  });

  it('F23 refuses a malformed tag wherever one is given', async () => {
    for (const tag of ['', 'Upper', 'a/b', 'a b', '-a', 'a'.repeat(41), '../up', 'a.b.c']) {
      const error = await refused(on.platform.models.apply(definitionOf(tag)));
      expect(error).toBeInstanceOf(InvalidDefinitionError);
      expect(pathsOf(error)).toEqual(['tag']);
      expect(await refused(on.platform.retrain(tag))).toBeInstanceOf(InvalidRequestError);
      expect(await refused(on.platform.status(tag))).toBeInstanceOf(InvalidRequestError);
    }
  });

  it('R1 looks for the code and the data before anything travels', async () => {
    const tag = newTag('nowhere');
    const { training, ...rest } = definitionOf(tag);
    const error = await refused(
      on.platform.models.apply({
        ...rest,
        training: {
          ...training,
          code: { kind: 'python', directory: '/no/such/code', entry: 'train.py:train' },
          data: { ...training.data, kind: 'parquet', uri: '/no/such/data.parquet' },
        },
      }),
    );
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    expect(pathsOf(error)).toEqual(['training.code.directory', 'training.data.uri']);
    await expectNothing(tag);
  });

  it('R3 refuses a query as the source of a tag that promotes on its own', async () => {
    const tag = newTag('sql');
    const { training, ...rest } = definitionOf(tag);
    const data = { kind: 'sql', connection: 'sqlite:////tmp/x', query: 'select 1' } as const;
    const error = await refused(
      on.platform.models.apply({
        ...rest,
        training: { ...training, data: { ...data, timeColumn: 'scheduled_at' } },
      }),
    );
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    expect(pathsOf(error)).toEqual(['training.data.kind']);
    await expectNothing(tag);
  });
});

describe('a request that cannot be right', () => {
  it('R1 refuses to retrain a tag nobody defined', async () => {
    const tag = newTag('unknown');
    const error = await refused(on.platform.retrain(tag));
    expect(error).toBeInstanceOf(UnknownTagError);
    expect(error).toMatchObject({ tag });
    expect(await refused(on.platform.score(tag, { inputs: [1] }))).toBeInstanceOf(UnknownTagError);
    await expectNothing(tag);
  });

  it('F23 refuses params over 64 KiB, whether applied, called with, or merged, and starts nothing', async () => {
    const tag = newTag('oversize');
    const large = { text: 'x'.repeat(65_536) };
    const half = { text: 'x'.repeat(40_000) };
    const applied = await refused(on.platform.models.apply(definitionOf(tag, { params: large })));
    expect(pathsOf(applied)).toEqual(['training.params']);
    await on.platform.models.apply(definitionOf(tag, { params: half }));
    for (const params of [large, { other: half.text }]) {
      const error = await refused(on.platform.retrain(tag, { params }));
      expect(error).toBeInstanceOf(InvalidRequestError);
      expect(pathsOf(error)).toEqual(['options.params']);
    }
    expect(await runsOf(on.stack, tag)).toEqual([]);
    expect(await on.platform.status(tag)).toMatchObject({ lastRun: null, live: null });
  });

  it('F23 refuses options that are misspelt or of the wrong kind', async () => {
    const tag = newTag('misspelt');
    await on.platform.models.apply(definitionOf(tag));
    const wrong = [{ asof: CUTOFF }, { params: { at: NaN } }, { idempotencyKey: 'a b' }];
    for (const options of wrong) {
      expect(await refused(on.platform.retrain(tag, options))).toBeInstanceOf(InvalidRequestError);
    }
    expect(await runsOf(on.stack, tag)).toEqual([]);
  });
});

describe('a run started past the SDK with what nobody can read', () => {
  const garbage = {
    metadata: { [METADATA_ENCODING_KEY]: Buffer.from('binary/from-the-moon') },
    data: Buffer.from([1, 2, 3]),
  };
  const start = (about: string, ...args: unknown[]) =>
    temporal.workflow.start('retrain', {
      taskQueue: 'modelyard',
      workflowId: `retrain/${newTag(about)}/garbage`,
      args,
    });

  it.each([
    ['no input', []],
    ['a text', ['not an object']],
    ['an object without a tag', [{ trigger: 'request' }]],
    ['a field of the wrong kind', [{ tag: 'garbage', trigger: 'whim', actor: 7 }]],
  ])('F22 fails with %s, and says what was expected', async (_, args) => {
    const { workflowId } = await start('garbage', ...args);
    const run = await on.platform.runs.get(workflowId);
    const error = await refused(run.result());
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({ failureType: 'InvalidRequest' });
  });

  it('F22 fails visibly on a payload that cannot be decoded, and the queue goes on', async () => {
    const { connection } = temporal;
    const workflowId = `retrain/${newTag('moon')}/garbage`;
    await connection.workflowService.startWorkflowExecution({
      namespace: on.stack.temporal.namespace,
      workflowId,
      requestId: workflowId,
      workflowType: { name: 'retrain' },
      taskQueue: { name: 'modelyard' },
      input: { payloads: [garbage] },
    });
    const handle = temporal.workflow.getHandle(workflowId);
    await vi.waitFor(
      async () => {
        const { events } = await handle.fetchHistory();
        const failed = (events ?? []).flatMap(
          ({ workflowTaskFailedEventAttributes: task }) => task?.failure?.message ?? [],
        );
        expect(failed).toEqual(['Unknown encoding: binary/from-the-moon']);
      },
      { timeout: 30_000, interval: 200 },
    );
    const tag = newTag('after');
    await on.platform.models.apply(definitionOf(tag));
    expect(await on.platform.status(tag)).toMatchObject({ tag, seq: 1 });
    const run = await on.platform.runs.get(workflowId);
    await handle.terminate('nobody can read it');
    expect(await refused(run.result())).toBeInstanceOf(RunCancelledError);
  });
});
