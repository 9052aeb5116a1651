import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { harnessDirectory, modelyardHome } from '../../sdk/dev/setup/locations.mjs';
import { ensurePythonEnvironment } from '../../sdk/dev/setup/python-environment.mjs';

const START_TIMEOUT_MS = 120_000;

export interface MlflowServer {
  url: string;
  stop: () => Promise<void>;
}

/** A real MLflow server with a database and artifacts of its own. */
export async function startMlflow(): Promise<MlflowServer> {
  const directory = await mkdtemp(join(tmpdir(), 'modelyard-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const log = join(directory, 'log');
  const child = spawn(await testPython(), serverArguments(directory, port), {
    env: {
      ...process.env,
      MLFLOW_DISABLE_TELEMETRY: 'true',
      // Its seven helper processes would outlive the server.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
    },
    stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
    detached: true,
  });
  const stop = async (): Promise<void> => {
    await stopGroup(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await answering(url, child);
  } catch (error) {
    const tail = (await readFile(log, 'utf8')).slice(-3_000);
    await stop();
    throw new Error(`MLflow did not start: ${String(error)}\n${tail}`, { cause: error });
  }
  return { url, stop };
}

/** MODELYARD_TEST_PYTHON, or the environment that `modelyard dev` uses, made when it is not there yet. */
export async function testPython(): Promise<string> {
  const named = process.env['MODELYARD_TEST_PYTHON'];
  if (named !== undefined && named !== '') return named;
  const { python } = await ensurePythonEnvironment({
    home: modelyardHome(),
    harness: harnessDirectory(),
    report: (line) => {
      console.info(line);
    },
  });
  return python;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

function serverArguments(directory: string, port: number): string[] {
  return [
    ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
    ...['--backend-store-uri', `sqlite:///${join(directory, 'mlflow.db')}`],
    ...['--artifacts-destination', join(directory, 'artifacts')],
  ];
}

/** /health answers before the database is there, so readiness is the answer of a real call. */
async function answering(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it exited with ${String(child.exitCode)}`);
    const answer = await fetch(`${url}/api/2.0/mlflow/experiments/search?max_results=1`).catch(
      () => undefined,
    );
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    await delay(200);
  }
  throw new Error(`no answer within ${String(START_TIMEOUT_MS)} ms`);
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, 'SIGTERM');
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, 10_000);
  await exited;
  clearTimeout(timer);
}
