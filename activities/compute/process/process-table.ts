import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasCode } from './durable-files.js';
import type { ProcessIdentity } from './records.js';

export interface ProcessEntry extends ProcessIdentity {
  groupId: number;
  /** Equal to groupId where the system does not tell. */
  sessionId: number;
  /** Ended, and only not yet collected by its parent. */
  ended: boolean;
}

const run = promisify(execFile);

/** Every process of the machine (of the container, in one). */
export async function listProcesses(): Promise<ProcessEntry[]> {
  return process.platform === 'linux' ? listFromProc() : listFromPs();
}

/** Undefined when the process is gone or only its uncollected entry is left. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const entry =
    process.platform === 'linux'
      ? await entryFromProc(pid, await bootId())
      : (await listFromPs(['-p', String(pid)])).at(0);
  return entry === undefined || entry.ended ? undefined : { pid, startTime: entry.startTime };
}

export async function isAlive({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  return (await identityOf(pid))?.startTime === startTime;
}

async function listFromProc(): Promise<ProcessEntry[]> {
  const boot = await bootId();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const entries = await Promise.all(pids.map((pid) => entryFromProc(pid, boot)));
  return entries.filter((entry) => entry !== undefined);
}

async function entryFromProc(pid: number, boot: string): Promise<ProcessEntry | undefined> {
  const stat = await readOrUndefined(`/proc/${String(pid)}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = 'X', , groupId, sessionId] = fields;
  return {
    pid,
    groupId: Number(groupId),
    sessionId: Number(sessionId),
    // Counted in ticks since boot: the boot's own id keeps two boots apart.
    startTime: `${boot}/${fields[19] ?? ''}`,
    ended: state === 'Z' || state === 'X',
  };
}

/** The way of systems without /proc. Exported so that it can be checked on systems with both. */
export async function listFromPs(which: string[] = ['-ax']): Promise<ProcessEntry[]> {
  const columns = ['-o', 'pid=,pgid=,stat=,lstart='];
  const environment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  try {
    const { stdout } = await run('ps', [...which, ...columns], { env: environment });
    return stdout
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(entryFromPs);
  } catch (error) {
    // `ps -p` exits 1 when there is no such process.
    if (error instanceof Error && 'code' in error && error.code === 1) return [];
    throw error;
  }
}

function entryFromPs(line: string): ProcessEntry {
  const [pid, groupId, state = 'Z', ...started] = line.trim().split(/\s+/);
  return {
    pid: Number(pid),
    groupId: Number(groupId),
    sessionId: Number(groupId),
    startTime: started.join(' '),
    ended: state.startsWith('Z'),
  };
}

let boot: string | undefined;
async function bootId(): Promise<string> {
  boot ??= (await readOrUndefined('/proc/sys/kernel/random/boot_id'))?.trim() ?? 'boot';
  return boot;
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // Anything else, such as no free file handle, must not pass for a dead process.
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
