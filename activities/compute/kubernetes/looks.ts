import type { Named } from './api.js';
import type { Hint } from './hints.js';
import { type JobIdentity, readIdentity } from './marks.js';
import type { Progress } from './progress.js';

/** What was last read of a Job that has not ended. */
export interface Look {
  readonly name: string;
  readonly resourceVersion: string;
  readonly progress: Exclude<Progress, { at: 'stuck' }>;
  readonly atMs: number;
  tail: string;
  tailAtMs: number;
}

/** A Job is read this often at least, whatever a watch says. */
const UNCHANGED_MS = 10_000;
const CHANGED_MS = 250;
const UNWATCHED_MS = 2_000;
const FIRST_TAIL_MS = 500;
const TAIL_MS = 5_000;
const KEPT = 5_000;

/** The activity asks many times a second; this says when the apiserver is asked. */
export class Looks {
  readonly #looks = new Map<string, Look>();

  of(uid: string): Look | undefined {
    return this.#looks.get(uid);
  }

  /** The Job of this name that was there when it was last looked at. */
  identityOf({ namespace, name }: Named): JobIdentity | undefined {
    for (const [key, look] of this.#looks) {
      const identity = look.name === name ? readIdentity(key) : undefined;
      if (identity?.namespace === namespace) return identity;
    }
    return undefined;
  }

  keep(uid: string, look: Look): void {
    this.#looks.delete(uid);
    this.#looks.set(uid, look);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > KEPT && oldest !== undefined) this.#looks.delete(oldest);
  }

  forget(uid: string): void {
    this.#looks.delete(uid);
  }

  forgetName(name: string): void {
    for (const [key, look] of this.#looks) if (look.name === name) this.#looks.delete(key);
  }
}

export function isFresh({ atMs }: Pick<Look, 'atMs'>, hint: Hint, nowMs: number): boolean {
  const forMs = { unchanged: UNCHANGED_MS, changed: CHANGED_MS, unknown: UNWATCHED_MS }[hint];
  return nowMs - atMs < forMs;
}

/** Whether the log of a running job is read again: soon after it began, and ever less often while it says nothing. */
export function wantsTail({ progress, tail, tailAtMs }: Look, nowMs: number): boolean {
  if (progress.at !== 'running') return false;
  const silentMs = Math.max(FIRST_TAIL_MS, (nowMs - progress.sinceMs) / 2);
  return nowMs - tailAtMs >= Math.min(TAIL_MS, tail === '' ? silentMs : TAIL_MS);
}
