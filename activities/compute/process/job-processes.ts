import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './durable-files.js';
import { type ProcessEntry, listProcesses } from './process-table.js';
import type { ProcessIdentity } from './records.js';

/** In every job's environment: by it a process that left its group and its session is still found as the job's. */
export const JOB_MARK = 'MODELYARD_JOB_UID';

export interface JobProcesses {
  /** The process that was started; its id is also that of the job's group and session. */
  readonly leader: ProcessIdentity;
  readonly uid: string;
}

const POLL_MS = 50;

/** SIGTERM to all of the job's processes, SIGKILL to what is left after the grace. None is left when it resolves. */
export async function endProcesses(job: JobProcesses, graceMs: number): Promise<void> {
  const until = performance.now() + graceMs;
  let left = await processesOf(job);
  signalAll(job, left, 'SIGTERM');
  while (left.length > 0 && performance.now() < until) {
    await sleep(POLL_MS);
    left = await processesOf(job);
  }
  await killProcesses(job);
}

/** SIGKILL until none is left: a process may fork between being listed and being killed. */
export async function killProcesses(job: JobProcesses): Promise<void> {
  for (;;) {
    const left = await processesOf(job);
    if (left.length === 0) return;
    signalAll(job, left, 'SIGKILL');
    await sleep(POLL_MS);
  }
}

export async function processesOf({ leader, uid }: JobProcesses): Promise<ProcessEntry[]> {
  const table = await listProcesses();
  // The system keeps an id from reuse while a group or session has it. Another process under the leader's id therefore
  // means that the group and the session had emptied before.
  const holder = table.find(({ pid }) => pid === leader.pid);
  const reused = holder !== undefined && holder.startTime !== leader.startTime;
  const flags = await Promise.all(
    table.map(async (entry) => {
      if (entry.ended || entry.pid === process.pid) return false;
      return (!reused && isMember(entry, leader.pid)) || (await hasMark(entry.pid, uid));
    }),
  );
  return table.filter((_, index) => flags[index]);
}

/** Resident memory of the job's session, MiB. Shared pages count once per process. */
export async function residentMiBOf({ leader }: JobProcesses): Promise<number> {
  const members = (await listProcesses()).filter((entry) => isMember(entry, leader.pid));
  const sizes = await Promise.all(members.map(({ pid }) => residentMiB(pid)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const isMember = (entry: ProcessEntry, leaderPid: number): boolean =>
  entry.sessionId === leaderPid || entry.groupId === leaderPid;

function signalAll(
  { leader }: JobProcesses,
  processes: ProcessEntry[],
  signal: NodeJS.Signals,
): void {
  const inGroup = processes.some(({ groupId }) => groupId === leader.pid);
  if (inGroup) signalOne(-leader.pid, signal);
  for (const { pid, groupId } of processes) if (groupId !== leader.pid) signalOne(pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone since it was listed. One that may not be signalled is seen again by the caller's next listing.
  }
}

async function hasMark(pid: number, uid: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    const environment = await readFile(`/proc/${String(pid)}/environ`, 'latin1');
    return environment.split('\0').includes(`${JOB_MARK}=${uid}`);
  } catch (error) {
    // Another user's process is not the job's.
    if (hasCode(error, 'EACCES', 'EPERM', 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}

async function residentMiB(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${String(pid)}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
