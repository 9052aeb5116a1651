import type { Demand } from './records.js';

/** A job in the queue: waiting while `gpus` is null, else holding its demand and those gpus. */
export interface QueueEntry {
  readonly uid: string;
  readonly createdAtMs: number;
  readonly demand: Demand;
  readonly gpus: readonly number[] | null;
}

export type Admission =
  | { readonly admitted: true; readonly gpus: readonly number[] }
  | { readonly admitted: false; readonly ahead: number };

/**
 * Strictly first come, first served: a job that would fit waits behind one that does not, so a big job is never starved
 * by small ones.
 */
export function admit(uid: string, entries: readonly QueueEntry[], slots: Demand): Admission {
  const mine = entries.find((entry) => entry.uid === uid);
  if (mine === undefined) throw new Error(`expected job ${uid} in the queue, got only others`);
  if (mine.gpus !== null) return { admitted: true, gpus: mine.gpus };
  const ahead = waitingInOrder(entries).findIndex((entry) => entry.uid === uid);
  const holding = entries.filter((entry) => entry.gpus !== null);
  if (ahead > 0 || !fits(mine.demand, holding, slots)) return { admitted: false, ahead };
  return { admitted: true, gpus: freeGpus(holding, slots).slice(0, mine.demand.gpu) };
}

export function waitingInOrder<T extends QueueEntry>(entries: readonly T[]): T[] {
  return entries
    .filter((entry) => entry.gpus === null)
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.uid < b.uid ? -1 : 1));
}

function fits(demand: Demand, holding: readonly QueueEntry[], slots: Demand): boolean {
  const taken = (field: keyof Demand): number =>
    holding.reduce((sum, entry) => sum + entry.demand[field], 0);
  // Fractions of a cpu do not add up exactly in binary.
  return (['cpu', 'memoryMiB', 'gpu'] as const).every(
    (field) => taken(field) + demand[field] <= slots[field] + 1e-9,
  );
}

function freeGpus(holding: readonly QueueEntry[], slots: Demand): number[] {
  const taken = new Set(holding.flatMap(({ gpus }) => gpus ?? []));
  return Array.from({ length: slots.gpu }, (_, index) => index).filter(
    (index) => !taken.has(index),
  );
}
