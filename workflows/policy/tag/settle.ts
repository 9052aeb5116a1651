import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import { append } from '../ledger.js';
import { told } from './notices.js';
import { withHost } from './route.js';
import { STACK, type Intent, type TagState } from './state.js';
import { keepTargetWarm } from './warmth.js';

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
  const liveApproved = committed ? approvalsOf(state) : keptApprovals(state, intent);
  return {
    entry: appended.entry,
    state: {
      ...withEffect({ ...moved, liveApproved }, intent, at),
      serving: { inSync: true, fence },
    },
  };
}

const approvalsOf = ({ lease }: TagState): TagState['liveApproved'] =>
  lease?.approval ? { rollout: lease.workflowId, given: lease.approval.given } : null;

const keptApprovals = (
  { live, liveApproved }: TagState,
  intent: Intent,
): TagState['liveApproved'] => (intent.live === live ? liveApproved : null);

/** What an applied write gave the candidate or the shadow, and what a retirement leaves. */
function withEffect(state: TagState, intent: Intent, at: string): TagState {
  const { weightPercent, shadow, entry } = intent;
  const { actor: by, reason } = entry;
  return {
    ...state,
    ...(weightPercent !== undefined && state.lease && { lease: { ...state.lease, weightPercent } }),
    ...(shadow && { shadow }),
    ...(entry.action === 'retire' && { retired: { by, reason, at }, hosts: cooled(state.hosts) }),
  };
}

/** Nothing of a retired tag is kept warm. */
const cooled = (hosts: TagState['hosts']): TagState['hosts'] =>
  Object.fromEntries(
    Object.entries(hosts).map(([name, host]) => [name, { ...host, warmUntil: null }]),
  );

/** The run that watches a model it made live must not wait for the end of its watch to learn that it is gone. */
function toldItsRun(state: TagState, { entry, live }: Intent): TagState {
  const { liveRun } = state;
  if (liveRun === null || entry.action === 'promote' || live === state.live) return state;
  const { action, reason } = entry;
  return told(state, liveRun, { about: 'left', action, reason });
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
  const known = toldItsRun(state, intent);
  const stack = [
    ...state.stack.filter((version) => version !== intent.live && version !== left),
    ...(left === null ? [] : [left]),
  ];
  const moved: TagState = {
    ...known,
    live: intent.live,
    liveSince: intent.live === null ? null : made.at,
    liveSeq: made.seq,
    liveRun: intent.entry.action === 'promote' ? intent.entry.workflowId : null,
    stack: stack.slice(-STACK),
    lastRun: lastRunAfter(state, intent),
  };
  return keepWarm(forgetUnused(moved), made.at);
}

/** The next rollback target stays warm for its time, and the live model's host is known to be ready. */
function keepWarm(state: TagState, at: string): TagState {
  if (state.live === null) return keepTargetWarm(state, at);
  return keepTargetWarm(readied(withHost(state, state.live, null), state.live), at);
}

function readied(state: TagState, version: number): TagState {
  const hosts = Object.values(state.hosts).map((host) =>
    host.version === version ? { ...host, ready: true } : host,
  );
  return { ...state, hosts: Object.fromEntries(hosts.map((host) => [host.spec.name, host])) };
}

/** Keeps records only of versions that something still names. */
function forgetUnused(state: TagState): TagState {
  const kept = new Set([
    ...state.stack,
    ...Object.values(state.hosts).map(({ version }) => version),
    ...[
      state.live,
      state.lease?.version,
      state.shadow?.version,
      state.queue?.command.model.version,
    ].filter((version) => version != null),
  ]);
  const models = Object.entries(state.models).filter(([version]) => kept.has(Number(version)));
  return { ...state, models: Object.fromEntries(models) };
}
