import { modelId } from '../../temporal/ids.js';
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
  const entries = state.tail
    .slice(-NEWEST)
    .reverse()
    .map(
      ({ seq, at, action, to, actor, outcome, reason }) =>
        `| ${String(seq)} | ${at} | ${action} | ${to ?? ''} | ${plain(actor)} | ${outcome} | ${plain(reason)} |`,
    );
  return [
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name ?? ''} | ${value ?? ''} |`),
    '',
    '| seq | at | action | to | by | outcome | why |',
    '|---|---|---|---|---|---|---|',
    ...entries,
  ].join('\n');
}

/** People's text inside a Markdown table. */
export const plain = (text: string): string =>
  text.replaceAll(/\p{Cc}+/gu, ' ').replaceAll(/[\\|`*_[\]<>#]/g, (mark) => `\\${mark}`);
