import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process id alone is reused by the system; with the time the process began it names one process.
 * @typedef {{ pid: number, startTime: string }} ProcessIdentity
 */

/**
 * When the process began, in the system's own notation; undefined when there is none, or only its unreaped entry.
 * @param {number} pid
 * @returns {string | undefined}
 */
export function startTimeOf(pid) {
  return process.platform === 'linux' ? startTimeFromProc(pid) : startTimeFromPs(pid);
}

/** @returns {ProcessIdentity} */
export function ownIdentity() {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? 'unknown' };
}

/** @param {ProcessIdentity} identity */
export function isAlive(identity) {
  return startTimeOf(identity.pid) === identity.startTime;
}

/** @param {number} pid */
function startTimeFromProc(pid) {
  const stat = readOrUndefined(`/proc/${String(pid)}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : fields[19];
}

/** @param {string} path */
function readOrUndefined(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function startTimeFromPs(pid) {
  try {
    const options = /** @type {const} */ ({
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    });
    const [state, ...started] = execFileSync(
      'ps',
      ['-o', 'stat=,lstart=', '-p', String(pid)],
      options,
    )
      .trim()
      .split(/\s+/);
    return state === undefined || state.startsWith('Z')
      ? undefined
      : started.join('_').replaceAll(':', '.');
  } catch {
    return undefined;
  }
}
