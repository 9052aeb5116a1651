import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import { after, msOf } from '../../../temporal/duration.js';
import { append } from '../ledger.js';
import { withHost } from './route.js';
import { STACK, type Intent, type TagState } from './state.js';
import { rollbackTarget } from './target.js';

const HOUR_MS = 3_600_000;

export interface Settlement {
  fence: number;
  outcome: LedgerEntry['outcome'];
  at: string;
}

/**
 * Ends an intent: the entry is appended, and only an applied one moves `live` and the stack. A failed write may still
 * have reached the store, so the route counts as out of sync until it has been written again and read back.
 */
export function settle(
  state: TagState,
  { fence, outcome, at }: Settlement,
): { state: TagState; entry: LedgerEntry | null } {
  const { intent } = state;
  if (intent?.fence !== fence) return { state, entry: null };
  const committed = outcome === 'applied' && intent.entry.action === 'promote';
  const cleared = { ...state, intent: null, ...(committed && { lease: null }) };
  if (outcome === 'failed' && isRepeatedRepair(state, intent)) {
    return { state: { ...cleared, serving: { ...state.serving, inSync: false } }, entry: null };
  }
  const appended = append(cleared, intent.entry, { at, outcome, fence });
  if (outcome !== 'applied') {
    return {
      ...appended,
      state: { ...appended.state, serving: { ...state.serving, inSync: false } },
    };
  }
  const moved = move(appended.state, intent, { at, seq: appended.entry.seq });
  return { entry: appended.entry, state: { ...moved, serving: { inSync: true, fence } } };
}

/** The run that promoted the model a rollback leaves did not end well after all. */
function lastRunAfter({ lastRun }: TagState, { entry }: Intent): TagState['lastRun'] {
  if (entry.action !== 'rollback' || lastRun?.decision !== 'promoted') return lastRun;
  return { ...lastRun, decision: 'rolled-back' };
}

/** One entry tells of a repair that fails, however often it is tried. */
function isRepeatedRepair({ tail }: TagState, { entry }: Intent): boolean {
  const last = tail.at(-1);
  return entry.action === 'repair' && last?.action === 'repair' && last.outcome === 'failed';
}

function move(state: TagState, intent: Intent, made: { at: string; seq: number }): TagState {
  const changed = intent.live !== state.live;
  if (!changed) return state;
  const left = state.live;
  const stack = [
    ...state.stack.filter((version) => version !== intent.live && version !== left),
    ...(left === null ? [] : [left]),
  ];
  const moved: TagState = {
    ...state,
    live: intent.live,
    liveSince: intent.live === null ? null : made.at,
    liveSeq: made.seq,
    stack: stack.slice(-STACK),
    lastRun: lastRunAfter(state, intent),
  };
  return keepWarm(forgetUnused(moved), made.at);
}

/** The next rollback target stays warm for its time, and the live model's host is known to be ready. */
function keepWarm(state: TagState, at: string): TagState {
  const live = state.live === null ? state : readied(withHost(state, state.live, null), state.live);
  const target = rollbackTarget(live);
  return target === null ? live : withHost(live, target, after(at, warmMs(state)));
}

function readied(state: TagState, version: number): TagState {
  const hosts = Object.values(state.hosts).map((host) =>
    host.version === version ? { ...host, ready: true } : host,
  );
  return { ...state, hosts: Object.fromEntries(hosts.map((host) => [host.spec.name, host])) };
}

/** `keepPreviousWarm`, by default the watch, at least an hour. */
export function warmMs(state: TagState): number {
  const rollout = state.definition?.definition.rollout;
  if (rollout?.keepPreviousWarm !== undefined) return msOf(rollout.keepPreviousWarm);
  return Math.max(HOUR_MS, rollout?.watch === undefined ? 0 : msOf(rollout.watch));
}

/** Keeps records only of versions that something still names. */
function forgetUnused(state: TagState): TagState {
  const kept = new Set([
    ...state.stack,
    ...Object.values(state.hosts).map(({ version }) => version),
    ...[state.live, state.lease?.version, state.queue?.command.model.version].filter(
      (version) => version != null,
    ),
  ]);
  const models = Object.entries(state.models).filter(([version]) => kept.has(Number(version)));
  return { ...state, models: Object.fromEntries(models) };
}
