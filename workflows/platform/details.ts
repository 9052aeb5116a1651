import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { PlatformState } from '../policy/platform/state.js';
import { plain, table } from '../tag/details.js';

const NEWEST = 8;
const NAMED = 10;

/** What the Web UI shows of the platform: the freeze first, then who has not heard of it, then the newest entries. */
export function detailsOf({ frozen, tags, pending, tail }: PlatformState): string {
  const end = frozen?.until == null ? '' : ` until ${frozen.until}`;
  const more = pending.length > NAMED ? ` and ${String(pending.length - NAMED)} more` : '';
  const rows = [
    ['frozen', frozen ? `by ${plain(frozen.by)}${end}: ${plain(frozen.reason)}` : 'no'],
    ['not told yet', pending.length === 0 ? 'none' : pending.slice(0, NAMED).join(', ') + more],
    ['tags', String(Object.keys(tags).length)],
  ];
  const entries = tail.slice(-NEWEST).reverse().map(entryRow);
  return [table(['', ''], rows), table(['seq', 'at', 'change', 'by', 'why'], entries)].join('\n\n');
}

const entryRow = ({ seq, at, action, actor, reason }: LedgerEntry): string[] => [
  String(seq),
  `${at.slice(0, 10)} ${at.slice(11, 16)}`,
  action,
  plain(actor),
  plain(reason),
];
