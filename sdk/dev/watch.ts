import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { findRunning } from '../../temporal/server/service.js';
import { layoutOf, SERVICES, type Layout } from './layout.js';
import { disown } from './ownership.js';
import { withLock } from './setup/lock.mjs';
import type { Stack } from './stack.js';
import { readStackFile } from './stack-file.js';

export interface StackEnd {
  why: string;
  /** Somebody else stopped it, and may have started another one since. */
  stopped: boolean;
}

const POLL_MS = 1_000;

/**
 * Waits until the stack of a directory is no longer whole, and says why: somebody stopped it, or one of its servers
 * ended. Rejects when the signal aborts.
 */
export async function endOfStack(
  directory: string,
  { attachedTo }: Pick<Stack, 'attachedTo'>,
  signal: AbortSignal,
): Promise<StackEnd> {
  const layout = layoutOf(resolve(directory));
  for (;;) {
    await sleep(POLL_MS, undefined, { signal });
    if ((await endSeen(layout, attachedTo)) === null) continue;
    // A worker that is being replaced is absent for a moment, under the lock.
    const end = await withLock(layout.lock, () => endSeen(layout, attachedTo));
    if (end !== null) return end;
  }
}

async function endSeen(layout: Layout, attachedTo: number | null): Promise<StackEnd | null> {
  const { owner } = await readStackFile(layout.stackFile);
  if (owner === null || (attachedTo === null && owner.pid !== process.pid)) {
    // What runs on the directory from now on is another process's.
    disown(layout);
    return {
      why: `the stack was stopped by another process; its logs are in ${layout.logs}`,
      stopped: true,
    };
  }
  for (const name of SERVICES) {
    if ((await findRunning(layout.record(name))) === undefined)
      return { why: `${name} has ended; its log is ${layout.log(name)}`, stopped: false };
  }
  return null;
}
