import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { isAlive, ownIdentity } from '../../../temporal/server/process-identity.mjs';

const RETRY_MS = 200;

let claims = 0;

/**
 * Runs `work` while no other caller on this machine holds the same lock. Each contender puts down a claim named after its
 * process and then looks at the others': whoever sees a living one takes its own back and waits. Of two, at least one sees
 * the other, and the claim of a killed process holds nobody up, so nothing ever has to be broken open.
 * @template T
 * @param {string} directory
 * @param {() => Promise<T>} work
 * @param {{ onWait?: () => void }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(directory, work, { onWait } = {}) {
  await mkdir(directory, { recursive: true });
  const { pid, startTime } = ownIdentity();
  claims += 1;
  const claim = [pid, startTime, claims].join('-');
  let waiting = false;
  while (!(await tryClaim(directory, claim))) {
    if (!waiting) onWait?.();
    waiting = true;
    await sleep(RETRY_MS * (0.5 + Math.random()));
  }
  try {
    return await work();
  } finally {
    await rm(join(directory, claim), { force: true });
  }
}

/**
 * @param {string} directory
 * @param {string} claim
 */
async function tryClaim(directory, claim) {
  if (await othersHold(directory, claim)) return false;
  await writeFile(join(directory, claim), '');
  if (!(await othersHold(directory, claim))) return true;
  await rm(join(directory, claim), { force: true });
  return false;
}

/**
 * @param {string} directory
 * @param {string} claim
 */
async function othersHold(directory, claim) {
  let held = false;
  for (const other of await readdir(directory)) {
    if (other === claim) continue;
    const [pid = '', startTime = ''] = other.split('-');
    if (isAlive({ pid: Number(pid), startTime })) held = true;
    else await rm(join(directory, other), { force: true });
  }
  return held;
}
