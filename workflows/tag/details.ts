import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import { modelId, parseModelId } from '../../temporal/ids.js';
import type { TagState } from '../policy/tag/state.js';
import { rollbackTarget } from '../policy/tag/target.js';

const NEWEST = 8;

/** What the Web UI shows of a tag: its pointer first, because the pane is low, then its newest ledger entries. */
export function detailsOf(state: TagState): string {
  const id = (version: number | null): string =>
    version === null ? 'none' : `\`${modelId(state.tag, version)}\``;
  const rows = [
    ['live', id(state.live)],
    ['previous', id(rollbackTarget(state))],
    [
      'rollout',
      state.lease ? `${id(state.lease.version)} by \`${state.lease.workflowId}\`` : 'none',
    ],
    ['waiting', state.queue ? `\`${state.queue.workflowId}\`` : 'none'],
    ['quarantined', Object.keys(state.quarantined).join(', ') || 'none'],
    ['seq, fence', `${String(state.seq)}, ${String(state.fence)}`],
  ];
  const entries = state.tail.slice(-NEWEST).reverse().map(entryRow);
  return [table(['', ''], rows), table(['seq', 'at', 'change', 'by', 'why'], entries)].join('\n\n');
}

/** The pane is narrow: the version without its tag, the minute, and an outcome only when it is not the usual one. */
function entryRow({ seq, at, action, to, actor, outcome, reason }: LedgerEntry): string[] {
  const target = to === null ? '' : ` to ${String(parseModelId(to).version)}`;
  const what = `${action}${target}${outcome === 'applied' ? '' : `, ${outcome}`}`;
  const minute = `${at.slice(0, 10)} ${at.slice(11, 16)}`;
  return [String(seq), unbroken(minute), unbroken(what), plain(actor), plain(reason)];
}

/** A Markdown table. The Web UI gives cells no padding and knows no entities: all but the last end with an em space. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join('\u2003 | ')} |`;
  return [line(head), line(head.map(() => '---')).replaceAll('\u2003', ''), ...rows.map(line)].join(
    '\n',
  );
}

const unbroken = (text: string): string => text.replaceAll(' ', '\u00A0').replaceAll('-', '\u2011');

/** People's text inside a Markdown table. */
export const plain = (text: string): string =>
  text.replaceAll(/\p{Cc}+/gu, ' ').replaceAll(/[\\|`*_[\]<>#]/g, (mark) => `\\${mark}`);
