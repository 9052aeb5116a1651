import { createServer } from 'node:net';

import { describe, expect, test } from 'vitest';

import { choosePorts, freePort } from '../../../sdk/dev/ports.js';

const NONE = { told: {}, remembered: {}, held: new Set<never>() };

describe('the ports of a stack', () => {
  test('are free and distinct', async () => {
    const ports = await choosePorts(NONE);
    expect(new Set(Object.values(ports)).size).toBe(4);
  });

  test('are those of the last time where they are still free', async () => {
    const remembered = await choosePorts(NONE);
    expect(await choosePorts({ ...NONE, remembered })).toEqual(remembered);
  });

  test('are others than those of the last time where another program took one', async () => {
    const remembered = await choosePorts(NONE);
    await using _taken = await listening(remembered.mlflow);
    const ports = await choosePorts({ ...NONE, remembered });
    expect(ports.mlflow).not.toBe(remembered.mlflow);
    expect(ports.temporal).toBe(remembered.temporal);
  });

  test('that were asked for and are in use are refused by name', async () => {
    const port = await freePort();
    await using _taken = await listening(port);
    await expect(choosePorts({ ...NONE, told: { gateway: port } })).rejects.toThrow(
      `ports.gateway is ${String(port)}, which is in use`,
    );
  });

  test('that no port can have are refused by name', async () => {
    await expect(choosePorts({ ...NONE, told: { temporal: 99_999 } })).rejects.toThrow(
      'ports.temporal is 99999: expected a whole number from 1 to 65535',
    );
  });

  test('cannot be changed while the stack runs', async () => {
    const choice = {
      told: { mlflow: 1 },
      remembered: { mlflow: 2 },
      held: new Set(['mlflow'] as const),
    };
    await expect(choosePorts(choice)).rejects.toThrow('this stack already runs with 2');
  });
});

async function listening(port: number): Promise<AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
