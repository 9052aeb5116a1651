import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidRequestError, Platform, UnknownTagError } from '../../sdk/index.js';
import { imageDefinition } from './fixtures/definition.js';
import {
  startTemporal,
  startWorker,
  type RunningWorker,
  type TemporalServer,
} from './fixtures/server.js';

const TASK_QUEUE = 'reconcile';
let server: TemporalServer;
let worker: RunningWorker;
let platform: Platform;
beforeAll(async () => {
  server = await startTemporal();
  worker = await startWorker(server.address, TASK_QUEUE);
  platform = await Platform.connect({
    temporal: { address: server.address },
    taskQueue: TASK_QUEUE,
  });
});
afterAll(async () => {
  await platform.close();
  await worker.stop();
  await server[Symbol.asyncDispose]();
});

describe('reconcile', () => {
  it('answers what was found of a tag, and what of it was put right', async () => {
    const { tag } = await platform.models.apply(imageDefinition(`r-${randomUUID().slice(0, 8)}`));
    const found = { tag, what: 'it differs' };
    expect(await platform.reconcile(tag)).toEqual({ findings: [{ ...found, repaired: true }] });
    expect(await platform.reconcile(tag, { dryRun: true })).toEqual({
      findings: [{ ...found, repaired: false }],
    });
  });

  it('looks at every tag when none is named, again and again', async () => {
    expect(await platform.reconcile()).toEqual({ findings: [] });
    expect(await platform.reconcile()).toEqual({ findings: [] });
    expect(await platform.reconcile(undefined, { dryRun: true })).toEqual({
      findings: [{ tag: '*', what: 'it differs', repaired: false }],
    });
  });

  it('is refused for a tag that there is not, and for an option that there is not', async () => {
    await expect(platform.reconcile('never-defined')).rejects.toBeInstanceOf(UnknownTagError);
    const misspelt = { dryrun: true } as object;
    await expect(platform.reconcile('never-defined', misspelt)).rejects.toBeInstanceOf(
      InvalidRequestError,
    );
  });
});
