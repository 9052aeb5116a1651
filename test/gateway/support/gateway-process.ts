import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ADMIN_TOKEN = 'a token for tests';
export const STAND_IN_HARNESS = fileURLToPath(new URL('./harness', import.meta.url));
/** The interpreter itself: version managers put a slow shell script in its place. */
export const PYTHON = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim();

const MAIN = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url));
const RUN_TYPESCRIPT = new URL('./run-typescript.mjs', import.meta.url).href;

export interface GatewayProcess {
  url: string;
  port: number;
  child: ChildProcess;
  /** Resolves with the exit code or the signal. */
  ended: Promise<number | string>;
  /** What it has written to its standard error so far. */
  said: () => string;
  kill(signal: NodeJS.Signals): Promise<number | string>;
}

export interface GatewayOptions {
  port?: number;
  env?: Record<string, string>;
  /** A command that takes another one as its last arguments, and becomes it. */
  within?: readonly string[];
}

/** A gateway as it runs in production, except that Node strips the types of its sources. */
export async function spawnGateway(
  dataDirectory: string,
  options: GatewayOptions = {},
): Promise<GatewayProcess> {
  const started = startProcess(dataDirectory, options);
  const url = await Promise.race([readyUrl(started.child), started.ended.then(() => undefined)]);
  if (url === undefined) throw new Error(`the gateway ended: ${started.said()}`);
  return { ...started, url, port: Number(new URL(url).port) };
}

/** What a gateway says that refuses to start. */
export async function refusedStart(
  dataDirectory: string,
  env: Record<string, string> = {},
): Promise<{ code: number | string; said: string }> {
  const { ended, said } = startProcess(dataDirectory, { env });
  return { code: await ended, said: said() };
}

function startProcess(dataDirectory: string, { port = 0, env = {}, within = [] }: GatewayOptions) {
  const gateway = [process.execPath, '--import', RUN_TYPESCRIPT, MAIN];
  const args = ['--data', dataDirectory, '--port', String(port)];
  const [command = '', ...rest] = [...within, ...gateway, ...args];
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      MODELYARD_GATEWAY_ADMIN_TOKEN: ADMIN_TOKEN,
      MODELYARD_PYTHON: PYTHON,
      MODELYARD_HARNESS: STAND_IN_HARNESS,
      ...env,
    },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close').then(
    ([code, signal]: (number | string)[]) => code ?? signal ?? 'unknown',
  );
  const kill = async (signal: NodeJS.Signals): Promise<number | string> => {
    child.kill(signal);
    return ended;
  };
  return { child, ended, kill, said: () => said };
}

async function readyUrl(child: ChildProcess): Promise<string | undefined> {
  if (!child.stdout) return undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string; url: string };
    if (event.event === 'ready') return event.url;
  }
  return undefined;
}

export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'modelyard-gateway-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
