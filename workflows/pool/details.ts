import type { Booking } from '../../temporal/contracts/pool.js';
import { modelId } from '../../temporal/ids.js';
import { specOf, type PoolState } from '../policy/pool/state.js';
import { comingOf } from '../policy/pool/view.js';
import { plain, table } from '../tag/details.js';

const NEXT = 8;

/** What the Web UI shows of a pool: its capacity first, then who runs and who is next, as of the last command. */
export function detailsOf(state: PoolState, at: string): string {
  const spec = specOf(state);
  const coming = comingOf(state, at);
  const rows = [
    ['slots', spec === null ? 'never applied' : String(spec.slots)],
    ['tiers', spec?.tiers?.join(', ') ?? 'every tier'],
    ['booked', String(coming.length)],
    ['as of', minute(at)],
  ];
  const head = ['from', 'until', 'model', '', 'by'];
  return [table(['', ''], rows), table(head, coming.slice(0, NEXT).map(row))].join('\n\n');
}

const row = ({ from, until, tag, version, state, bookedBy }: Booking): string[] => [
  minute(from),
  minute(until),
  `\`${modelId(tag, version)}\``,
  state,
  plain(bookedBy),
];

const minute = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 16)}`;
