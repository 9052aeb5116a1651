import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { isAlive, startTimeOf, type ProcessIdentity } from './process-identity.mjs';

/** A background process that can be found again by whoever comes next: what it is, where it logs, where it is recorded. */
export interface ServiceSpec {
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  logFile: string;
  recordFile: string;
  /** What decides, beside its arguments, whether a running one is still the one that is wanted: the build of its code, say. */
  version?: string;
}

export interface RecordedService extends ProcessIdentity {
  fingerprint: string;
  /** Where in the log file its output begins. */
  logStart: number;
}

type Probe = (service: RecordedService) => Promise<boolean>;

const ADOPTION_PATIENCE_MS = 15_000;
const ADOPTION_GRACE_MS = 10_000;
const LOG_KEPT_BYTES = 10 * 1024 * 1024;
const POLL_MS = 50;

export interface ReadyOptions {
  probe: Probe;
  timeoutMs: number;
}

/** Adopts the service that is recorded, alive, of the same specification and answering; else starts one and waits until it answers. */
export async function ensureService(
  spec: ServiceSpec,
  ready: ReadyOptions,
): Promise<RecordedService> {
  const running = await findRunning(spec.recordFile);
  if (running !== undefined) {
    if (running.fingerprint === fingerprintOf(spec) && (await answersInTime(spec, running, ready)))
      return running;
    await stopService(running, ADOPTION_GRACE_MS);
  }
  const launched = await launch(spec);
  try {
    await waitUntilReady(spec, launched, ready);
  } catch (error) {
    await stopService(launched, ADOPTION_GRACE_MS);
    throw error;
  }
  return launched;
}

/** In its own process group, with its output in a file: it neither gets the terminal's Ctrl-C nor loses its output with us. */
async function launch(spec: ServiceSpec): Promise<RecordedService> {
  await mkdir(dirname(spec.logFile), { recursive: true });
  const logStart = await rotated(spec.logFile);
  const log = openSync(spec.logFile, 'a');
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...process.env, ...spec.env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => {
        reject(new Error(`${spec.name} could not be started: ${error.message}`, { cause: error }));
      });
      child.once('spawn', () => {
        resolve(child.pid ?? 0);
      });
    });
    child.unref();
    const recorded = {
      pid,
      startTime: startTimeOf(pid) ?? 'ended',
      fingerprint: fingerprintOf(spec),
      logStart,
    };
    await writeRecord(spec.recordFile, recorded);
    return recorded;
  } finally {
    closeSync(log);
  }
}

/** The process a record names, when it is still that process. */
export async function findRunning(recordFile: string): Promise<RecordedService | undefined> {
  const recorded = await readRecord(recordFile);
  return recorded !== undefined && isAlive(recorded) ? recorded : undefined;
}

/** It may have been started a moment ago by a process that did not live to see it answer. */
async function answersInTime(
  spec: ServiceSpec,
  running: RecordedService,
  { probe, timeoutMs }: ReadyOptions,
): Promise<boolean> {
  return await waitUntilReady(spec, running, {
    probe,
    timeoutMs: Math.min(timeoutMs, ADOPTION_PATIENCE_MS),
  }).then(
    () => true,
    () => false,
  );
}

async function waitUntilReady(
  spec: ServiceSpec,
  service: RecordedService,
  { probe, timeoutMs }: ReadyOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await answers(probe, service))) {
    if (!isAlive(service))
      throw new Error(`${spec.name} ended before it answered. ${await logTail(spec.logFile)}`);
    if (Date.now() > deadline) {
      throw new Error(
        `${spec.name} did not answer within ${String(timeoutMs / 1000)} s. ${await logTail(spec.logFile)}`,
      );
    }
    await sleep(POLL_MS);
  }
}

function fingerprintOf({ args, cwd, version }: ServiceSpec): string {
  return createHash('sha256')
    .update(JSON.stringify([args, cwd, version]))
    .digest('hex');
}

async function answers(probe: Probe, service: RecordedService): Promise<boolean> {
  try {
    return await probe(service);
  } catch {
    return false;
  }
}

/** Asks the process to end, and ends its whole group when it does not within its grace time. */
export async function stopService(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (!isAlive(identity)) return;
  signal(identity.pid, 'SIGTERM');
  signal(identity.pid, 'SIGCONT'); // a stopped process handles nothing
  if (await ended(identity, graceMs)) return;
  signal(-identity.pid, 'SIGKILL');
  await ended(identity, 5_000);
}

export async function forget(recordFile: string): Promise<void> {
  await rm(recordFile, { force: true });
}

/** @returns whether there was such a process to tell */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

async function ended(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(identity)) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

async function writeRecord(recordFile: string, recorded: RecordedService): Promise<void> {
  await mkdir(dirname(recordFile), { recursive: true });
  await writeFile(`${recordFile}.new`, JSON.stringify(recorded));
  await rename(`${recordFile}.new`, recordFile);
}

async function readRecord(recordFile: string): Promise<RecordedService | undefined> {
  try {
    const { pid, startTime, fingerprint, logStart } = JSON.parse(
      await readFile(recordFile, 'utf8'),
    ) as Partial<RecordedService>;
    if (typeof pid !== 'number' || typeof startTime !== 'string') return undefined;
    return { pid, startTime, fingerprint: fingerprint ?? '', logStart: logStart ?? 0 };
  } catch {
    return undefined;
  }
}

/** @returns the size of the log file now */
async function rotated(logFile: string): Promise<number> {
  const size = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  if (size <= LOG_KEPT_BYTES) return size;
  await rename(logFile, `${logFile}.1`);
  return 0;
}

async function logTail(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return `The end of ${logFile}:\n${text.trim().slice(-2000) || '(empty)'}`;
}
