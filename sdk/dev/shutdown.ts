import { readFileSync } from 'node:fs';

import { isAlive } from '../../temporal/server/process-identity.mjs';
import { findRunning, forget, signal, stopService } from '../../temporal/server/service.js';

import type { Layout, ServiceName } from './layout.js';

/** The worker first, so that it drains while what it talks to is still there. */
const STOP_ORDER: readonly ServiceName[] = ['worker', 'gateway', 'mlflow', 'temporal'];
const GRACE_MS: Readonly<Record<ServiceName, number>> = {
  worker: 30_000,
  gateway: 15_000,
  mlflow: 10_000,
  temporal: 10_000,
};
/** Nobody waits half a minute for a program that has ended. */
const GRACE_AT_EXIT_MS = 10_000;
const POLL_MS = 50;

export async function stopServices(layout: Layout): Promise<void> {
  for (const name of STOP_ORDER) await stopOne(layout, name);
}

export async function stopOne(layout: Layout, name: ServiceName): Promise<void> {
  const running = await findRunning(layout.record(name));
  if (running !== undefined) await stopService(running, GRACE_MS[name]);
  await forget(layout.record(name));
}

/** The same for a process that is ending and can wait for no promise. */
export function stopServicesSync(layout: Layout): void {
  for (const name of STOP_ORDER) stopOneSync(layout.record(name));
}

function stopOneSync(recordFile: string): void {
  const running = readRecordSync(recordFile);
  if (running === undefined || !isAlive(running)) return;
  signal(running.pid, 'SIGTERM');
  signal(running.pid, 'SIGCONT');
  const deadline = Date.now() + GRACE_AT_EXIT_MS;
  while (isAlive(running) && Date.now() < deadline) pause();
  if (isAlive(running)) signal(-running.pid, 'SIGKILL');
}

function readRecordSync(recordFile: string): { pid: number; startTime: string } | undefined {
  try {
    return JSON.parse(readFileSync(recordFile, 'utf8')) as { pid: number; startTime: string };
  } catch {
    return undefined;
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
}
