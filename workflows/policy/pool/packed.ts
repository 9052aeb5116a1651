import type { Held, PoolState } from './state.js';

type Ended = [as: 'done' | 'cancelled', at: number, reason: string | null];
type Row = [
  number: number,
  tag: string,
  version: number,
  from: number,
  until: number,
  bookedBy: string,
  workflowId: string | null,
  ended: Ended | 0,
];

/** A pool as continue-as-new carries it: ten thousand bookings with the names of their fields would not fit. */
export interface PackedPool extends Omit<PoolState, 'bookings'> {
  bookings: Row[];
}

export function pack({ bookings, ...rest }: PoolState): PackedPool {
  const rows = bookings.map((held): Row => {
    const { number, tag, version, from, until, bookedBy, workflowId, ended } = held;
    const end: Ended | 0 = ended === null ? 0 : [ended.as, ended.at, ended.reason];
    return [number, tag, version, from, until, bookedBy, workflowId, end];
  });
  return { ...rest, bookings: rows };
}

export function unpack({ bookings: rows, ...rest }: PackedPool): PoolState {
  const bookings = rows.map((row): Held => {
    const [number, tag, version, from, until, bookedBy, workflowId, end] = row;
    const ended = end === 0 ? null : { as: end[0], at: end[1], reason: end[2] };
    return { number, tag, version, from, until, bookedBy, workflowId, ended };
  });
  return { ...rest, bookings };
}
