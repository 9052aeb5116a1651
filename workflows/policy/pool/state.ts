import type { PoolSpec } from '../../../temporal/contracts/pool.js';
import { refuse, type DoneRequest, type Refusal } from '../tag/state.js';

/** Everything a slot pool is. Carried whole, as `pack` writes it, through continue-as-new. */
export interface PoolState {
  schema: 1;
  name: string;
  /** null until the pool was applied. */
  pool: PoolSpec | null;
  /** Last number given to a booking. */
  booked: number;
  /** In the order in which they were booked: those still to come, those that run, and the newest of those that have ended. */
  bookings: Held[];
  done: DoneRequest[];
}

/** Instants are milliseconds of the epoch: as text, '…00Z' and '…00.000Z' would be two. */
export interface Held extends Span {
  number: number;
  tag: string;
  version: number;
  bookedBy: string;
  /** The run that took it. */
  workflowId: string | null;
  /** Freed by somebody; what ends by the clock alone is not written here. */
  ended: { as: 'done' | 'cancelled'; at: number; reason: string | null } | null;
}

/** Half open. */
export interface Span {
  from: number;
  until: number;
}

export type PoolOutcome<Result> =
  { refused: Refusal } | { refused?: never; state: PoolState; result: Result };

const DEFAULT_POOL: PoolSpec = { name: 'default', slots: 1 };

export const emptyPool = (name: string): PoolState => ({
  schema: 1,
  name,
  pool: null,
  booked: 0,
  bookings: [],
  done: [],
});

/** The pool as it was applied. One of them is there without that. */
export function specOf({ name, pool }: PoolState): PoolSpec | null {
  return pool ?? (name === DEFAULT_POOL.name ? DEFAULT_POOL : null);
}

export const idOf = (pool: string, { number }: Pick<Held, 'number'>): string =>
  `${pool}-${String(number)}`;

export const instantOf = (ms: number): string => new Date(ms).toISOString();

export interface Issue {
  path: string;
  message: string;
}

export const invalid = (...issues: Issue[]): ReturnType<typeof refuse> =>
  refuse('InvalidRequest', issues.map(({ path, message }) => `${path}: ${message}`).join('; '), {
    issues,
  });

export const unknownPool = ({ name }: PoolState): ReturnType<typeof refuse> =>
  invalid({ path: 'pool', message: `expected a pool that was applied, got '${name}'` });
