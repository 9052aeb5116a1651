import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./shifted-worker-main.ts', import.meta.url));
const RUN_TYPESCRIPT = new URL('../../gateway/support/run-typescript.mjs', import.meta.url).href;
const SHIFT_CLOCK = new URL('./shift-clock.ts', import.meta.url).href;

export interface ShiftedWorker extends AsyncDisposable {
  /** What its clock said when it was ready. */
  readyAt: Date;
}

/** A worker whose clock is wrong by `shiftMs`. */
export async function startShiftedWorker(
  address: string,
  taskQueue: string,
  shiftMs: number,
): Promise<ShiftedWorker> {
  const imports = [RUN_TYPESCRIPT, SHIFT_CLOCK].flatMap((url) => ['--import', url]);
  const child = spawn(process.execPath, [...imports, MAIN, address, taskQueue], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, MODELYARD_CLOCK_SHIFT_MS: String(shiftMs) },
  });
  return {
    readyAt: await ready(child),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGKILL')) await ended;
    },
  };
}

async function ready({ stdout }: ChildProcess): Promise<Date> {
  if (stdout)
    for await (const line of createInterface({ input: stdout }))
      if (line.startsWith('{"event":"ready"')) return new Date((JSON.parse(line) as Ready).at);
  throw new Error('the worker ended before it was ready');
}

interface Ready {
  at: string;
}
