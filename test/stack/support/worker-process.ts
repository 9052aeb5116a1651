import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, inject, vi } from 'vitest';
import type { WorkerConfigInput } from '../../../workers/config.js';
import { isAlive } from './left-behind.js';
import type { Connected } from './platform.js';

const MAIN = fileURLToPath(new URL('../../../dist/workers/main.js', import.meta.url));

/** The stack's own worker, as its configuration says it. */
export async function stackWorkerConfig(): Promise<WorkerConfigInput> {
  const text = await readFile(join(inject('stackDirectory'), 'worker.config.json'), 'utf8');
  return JSON.parse(text) as WorkerConfigInput;
}

/** A worker of another configuration in the place of the stack's, which comes back with `giveBack`. */
export interface WorkerInPlace {
  /** Ends it outright, and starts the next. */
  killAndRestart(): Promise<void>;
  giveBack(): Promise<void>;
}

/** What it prints is appended to `<folder>/worker.log`. */
export async function takeWorkersPlace(
  { stack }: Connected,
  { config, folder }: { config: WorkerConfigInput; folder: string },
): Promise<WorkerInPlace> {
  const file = join(folder, 'worker.json');
  await writeFile(file, JSON.stringify(config));
  const { pid } = stack.worker;
  stack.worker.kill('SIGTERM');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 60_000, interval: 50 });
  let child = await startWorker(file, folder);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    killAndRestart: async () => {
      await end('SIGKILL');
      child = await startWorker(file, folder);
    },
    giveBack: async () => {
      await end('SIGTERM');
      await stack.worker.restart();
    },
  };
}

async function startWorker(config: string, folder: string): Promise<ChildProcess> {
  const token = await readFile(join(inject('stackDirectory'), 'gateway-admin.token'), 'utf8');
  const child = spawn(process.execPath, [MAIN, '--config', config], {
    env: { ...process.env, MODELYARD_GATEWAY_ADMIN_TOKEN: token.trim() },
    stdio: ['ignore', 'pipe', openSync(join(folder, 'worker.log'), 'a')],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const ready = once(createInterface({ input: child.stdout as Readable }), 'line').then(() => null);
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
  const early = await Promise.race([ready, ended]);
  if (early === null) return child;
  const said = await readFile(join(folder, 'worker.log'), 'utf8');
  throw new Error(`the worker ended before it was ready: ${early}\n${said.slice(-3_000)}`);
}
