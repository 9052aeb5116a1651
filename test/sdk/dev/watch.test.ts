import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { layoutOf, type Layout } from '../../../sdk/dev/layout.js';
import type { Parts } from '../../../sdk/dev/services.js';
import { readStackFile, writeStackFile } from '../../../sdk/dev/stack-file.js';
import { startStackOf, type Stack } from '../../../sdk/dev/stack.js';
import { endOfStack } from '../../../sdk/dev/watch.js';
import { startTimeOf } from '../../../temporal/server/process-identity.mjs';
import { temporaryDirectory } from '../../temporal/server/stand-in.js';
import { standInParts } from './stand-ins.js';

let layout: Layout;
let parts: Parts;
let stack: Stack | undefined;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  layout = layoutOf(join(directory, 'state'));
  parts = await standInParts(directory);
}, 600_000);

afterEach(async () => {
  await stack?.stop();
});

async function start(): Promise<Stack> {
  stack = await startStackOf({ directory: layout.root, ports: {}, report: () => undefined }, parts);
  return stack;
}

describe('the watch over a stack', { timeout: 60_000 }, () => {
  test('says which server ended, and where its log is', async () => {
    const { worker, attachedTo } = await start();
    const end = endOfStack(layout.root, { attachedTo }, new AbortController().signal);
    worker.kill('SIGKILL');
    expect(await end).toEqual({
      why: `worker has ended; its log is ${layout.log('worker')}`,
      stopped: false,
    });
  });

  test('says that somebody stopped it', async () => {
    const running = await start();
    const end = endOfStack(layout.root, running, new AbortController().signal);
    await running.stop();
    expect(await end).toMatchObject({
      why: expect.stringContaining('was stopped by another process') as string,
      stopped: true,
    });
  });

  test('ends without a word when it is called off', async () => {
    const running = await start();
    const over = new AbortController();
    const end = endOfStack(layout.root, running, over.signal);
    over.abort();
    await expect(end).rejects.toThrow('aborted');
    expect(startTimeOf(running.worker.pid)).toBeDefined();
  });
});

describe('a stack another process owns', { timeout: 60_000 }, () => {
  test('is attached to, by the process id of its owner', async () => {
    const { attachedTo } = await start();
    expect(attachedTo).toBeNull();
    const { ports } = await readStackFile(layout.stackFile);
    const owner = { pid: process.ppid, startTime: startTimeOf(process.ppid) ?? '' };
    await writeStackFile(layout.stackFile, { ports, owner });
    expect((await start()).attachedTo).toBe(process.ppid);
  });
});
