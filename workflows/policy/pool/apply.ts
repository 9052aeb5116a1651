import type { ApplyPoolCommand, PoolSpec } from '../../../temporal/contracts/pool.js';
import { refuse } from '../tag/state.js';
import { isActive } from './booking.js';
import { crowded } from './occupancy.js';
import { instantOf, invalid, type PoolOutcome, type PoolState } from './state.js';

const NAMED = 5;

/** Creates or changes the pool. What was booked stays booked, also for a tier that is not admitted any more. */
export function applyPool(
  state: PoolState,
  { pool }: ApplyPoolCommand,
  at: number,
): PoolOutcome<PoolSpec> {
  if (pool.name !== state.name)
    return invalid({ path: 'name', message: `expected '${state.name}', got '${pool.name}'` });
  const active = state.bookings.filter((booking) => isActive(booking, at));
  const over = crowded(active, pool.slots + 1).filter(({ until }) => until > at);
  if (over.length === 0) return { state: { ...state, pool }, result: pool };
  const spans = over.map(({ from, until }) => ({ from: instantOf(from), until: instantOf(until) }));
  return tooFew(pool, spans);
}

function tooFew(
  { slots }: PoolSpec,
  over: { from: string; until: string }[],
): ReturnType<typeof refuse> {
  const named = over.slice(0, NAMED).map(({ from, until }) => `${from} to ${until}`);
  const more = over.length > NAMED ? ` and ${String(over.length - NAMED)} more` : '';
  const message = `expected as many slots as are booked, got ${String(slots)}: more are booked ${named.join(', ')}${more}`;
  return refuse('InvalidRequest', message, {
    issues: [{ path: 'slots', message }],
    over: over.slice(0, NAMED),
  });
}
