import type { Hint } from './hints.js';
import type { Progress } from './progress.js';
import type { Refusal } from './refusal.js';

/** What was last read of a Job that has not ended. */
export interface Look {
  readonly name: string;
  readonly resourceVersion: string;
  readonly progress: Exclude<Progress, { at: 'stuck' }>;
  readonly atMs: number;
  /** What the Job's events said when they were last read, of one that lacks its pod. */
  readonly events?: ReadEvents;
  tail: string;
  tailAtMs: number;
}

/** What a Job's events could explain: why no pod is made for it, and whether it lost one. */
export interface Wanted {
  readonly refusal: boolean;
  readonly preemption: boolean;
}

export interface ReadEvents {
  readonly wanted: Wanted;
  readonly refusal: Refusal | undefined;
  /** When a pod of it was last preempted. */
  readonly preemptedAtMs?: number | undefined;
  readonly atMs: number;
}

/** A Job is read this often at least, whatever a watch says. */
const UNCHANGED_MS = 10_000;
const CHANGED_MS = 250;
const UNWATCHED_MS = 2_000;
const FIRST_TAIL_MS = 500;
const TAIL_MS = 5_000;
/** To find a Job's events the apiserver reads through all of the namespace, and a refusal is told again once a minute at most. */
const EVENTS_MS = 60_000;
const KEPT = 5_000;

/** The activity asks many times a second; this says when the apiserver is asked. */
export class Looks {
  readonly #looks = new Map<string, Look>();

  of(uid: string): Look | undefined {
    return this.#looks.get(uid);
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

export const areFresh = (events: ReadEvents, wanted: Wanted, nowMs: number): boolean =>
  nowMs - events.atMs < EVENTS_MS &&
  (events.wanted.refusal || !wanted.refusal) &&
  (events.wanted.preemption || !wanted.preemption);

/** Whether the log of a running job is read again: soon after it began, and ever less often while it says nothing. */
export function wantsTail({ progress, tail, tailAtMs }: Look, nowMs: number): boolean {
  if (progress.at !== 'running') return false;
  const silentMs = Math.max(FIRST_TAIL_MS, (nowMs - progress.sinceMs) / 2);
  return nowMs - tailAtMs >= Math.min(TAIL_MS, tail === '' ? silentMs : TAIL_MS);
}
