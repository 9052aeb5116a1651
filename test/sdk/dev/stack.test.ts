import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { layoutOf, SERVICES, type Layout } from '../../../sdk/dev/layout.js';
import type { Parts } from '../../../sdk/dev/services.js';
import { packageRoot } from '../../../sdk/dev/setup/locations.mjs';
import { startStackOf, type Stack } from '../../../sdk/dev/stack.js';
import {
  isAlive,
  startTimeOf,
  type ProcessIdentity,
} from '../../../temporal/server/process-identity.mjs';
import { executable, temporaryDirectory } from '../../temporal/server/stand-in.js';
import { standInParts } from './stand-ins.js';

let layout: Layout;
let parts: Parts;
let last: Stack | undefined;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  layout = layoutOf(join(directory, 'state'));
  parts = await standInParts(directory);
}, 600_000);

afterEach(async () => {
  await last?.stop();
});

async function start(overrides: Partial<Parts> = {}): Promise<Stack> {
  last = await startStackOf(
    { directory: layout.root, ports: {}, report: () => undefined },
    { ...parts, ...overrides },
  );
  return last;
}

function processes(): ProcessIdentity[] {
  return SERVICES.filter((name) => existsSync(layout.record(name))).map(
    (name) => JSON.parse(readFileSync(layout.record(name), 'utf8')) as ProcessIdentity,
  );
}

describe('the embedded stack', { timeout: 60_000 }, () => {
  test('runs four processes, and stopping it leaves none', async () => {
    const stack = await start();
    const running = processes();
    expect(running.filter(isAlive)).toHaveLength(4);
    expect((await fetch(`${stack.temporal.uiUrl}/api/v1/namespaces`)).ok).toBe(true);
    await stack.stop();
    expect(running.filter(isAlive)).toHaveLength(0);
    await expect(fetch(stack.gateway.url)).rejects.toThrow();
  });

  test('is stopped by the end of its block', async () => {
    const pids: number[] = [];
    {
      await using stack = await start();
      pids.push(stack.worker.pid);
    }
    expect(pids.map(startTimeOf)).toEqual([undefined]);
  });

  test('resumes on the same ports', async () => {
    const first = await start();
    const { temporal, mlflow, gateway } = first;
    await first.stop();
    const second = await start();
    expect({ temporal: second.temporal, mlflow: second.mlflow, gateway: second.gateway }).toEqual({
      temporal,
      mlflow,
      gateway,
    });
  });

  test('takes another port where its own was taken for a moment', async () => {
    const marker = `${layout.root}-tried`;
    const gatewayEntry = await executable(
      `${layout.root}-unlucky.cjs`,
      `const port = process.argv[process.argv.indexOf('--port') + 1];
      const { existsSync, writeFileSync } = require('node:fs');
      if (existsSync(${JSON.stringify(marker)})) require(${JSON.stringify(parts.gatewayEntry)});
      else {
        writeFileSync(${JSON.stringify(marker)}, port);
        console.error('Error: listen EADDRINUSE: address already in use 127.0.0.1:' + port);
        process.exitCode = 1;
      }`,
    );
    const stack = await start({ gatewayEntry });
    expect(new URL(stack.gateway.url).port).not.toBe(readFileSync(marker, 'utf8'));
    expect((await fetch(stack.gateway.url)).ok).toBe(true);
  });

  test('is started once: a second start on its directory attaches', async () => {
    const first = await start();
    const running = processes();
    const second = await start();
    expect(processes()).toEqual(running);
    expect(second.gateway).toEqual(first.gateway);
  });

  test('refuses to change its ports while it runs, and goes on', async () => {
    const stack = await start();
    const other = startStackOf(
      { directory: layout.root, ports: { gateway: 1 }, report: () => undefined },
      parts,
    );
    await expect(other).rejects.toThrow('ports.gateway is 1, but this stack already runs');
    expect((await fetch(stack.gateway.url)).ok).toBe(true);
  });

  test('keeps the admin token to its user, out of every argument and out of the worker configuration', async () => {
    await start();
    const token = readFileSync(layout.tokenFile, 'utf8');
    expect(statSync(layout.tokenFile).mode & 0o077).toBe(0);
    expect(readFileSync(layout.workerConfigFile, 'utf8')).not.toContain(token);
  });

  test('lets its worker be killed and started again', async () => {
    const stack = await start();
    const { pid } = stack.worker;
    stack.worker.kill('SIGKILL');
    await expect.poll(() => startTimeOf(pid)).toBeUndefined();
    await stack.worker.restart();
    expect(stack.worker.pid).not.toBe(pid);
    expect(startTimeOf(stack.worker.pid)).toBeDefined();
  });

  test('stops a worker that was suspended', async () => {
    const stack = await start();
    stack.worker.kill('SIGSTOP');
    await stack.stop();
    expect(startTimeOf(stack.worker.pid)).toBeUndefined();
  });

  test('replaces the worker and the gateway of another build, and nothing else', async () => {
    await start();
    const [temporal, mlflow, gateway, worker] = processes();
    await start({ build: '2' });
    const after = processes();
    expect(after.slice(0, 2)).toEqual([temporal, mlflow]);
    expect([after[2]?.pid, after[3]?.pid]).not.toEqual([gateway?.pid, worker?.pid]);
  });

  test('that cannot start leaves nothing behind and shows what its part said', async () => {
    await expect(start({ workerEntry: join(layout.root, 'nothing-here.cjs') })).rejects.toThrow(
      /The worker ended before it answered[\s\S]*nothing-here/,
    );
    expect(processes()).toEqual([]);
  });

  test('ends with the program that started it', async () => {
    const starter = await startedByAnotherProcess();
    const running = processes();
    starter.stdin.end();
    await once(starter, 'exit');
    expect(running).toHaveLength(4);
    expect(running.filter(isAlive)).toHaveLength(0);
  });

  test('ends with the Ctrl-C of the program that started it', async () => {
    const starter = await startedByAnotherProcess();
    const running = processes();
    starter.kill('SIGINT');
    const [, signal] = (await once(starter, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGINT');
    expect(running.filter(isAlive)).toHaveLength(0);
  });

  test('whose starter is killed goes on, is adopted by the next start, and then stopped whole', async () => {
    const starter = await startedByAnotherProcess();
    const running = processes();
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    expect(running.filter(isAlive)).toHaveLength(4);
    const stack = await start();
    expect(processes()).toEqual(running);
    await stack.stop();
    expect(running.filter(isAlive)).toHaveLength(0);
  });
});

/** It ends when its input does. */
async function startedByAnotherProcess() {
  const entry = join(packageRoot(), 'dist', 'sdk', 'dev', 'stack.js');
  const code = `import { startStackOf } from ${JSON.stringify(entry)};
    await startStackOf({ directory: ${JSON.stringify(layout.root)}, ports: {}, report: () => {} }, ${JSON.stringify(parts)});
    console.log('running');
    process.stdin.resume().on('end', () => process.exit(0));`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(starter.stdout, 'data');
  return starter;
}
