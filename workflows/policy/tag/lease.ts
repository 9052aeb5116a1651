import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { Asked, RenewedLease, RenewLeaseCommand } from '../../../temporal/contracts/tag.js';
import { after } from '../../../temporal/duration.js';
import type { FailureType } from '../../../temporal/errors.js';
import { append } from '../ledger.js';
import { approvalExpiry } from './approval-expiry.js';
import { judgingDigest } from './define.js';
import { rulesOf } from './logic.js';
import { told } from './notices.js';
import { routeOf } from './route.js';
import { draft, refuse, type Lease, type Outcome, type TagState } from './state.js';

/** A lease outlives a worker's restart, and a run that died holds its tag no longer than this. */
export const LEASE_MS = 3_600_000;
/** The longest a run may ask for at once: approvals and windows may be waited for a month. */
const LONGEST_LEASE_MS = 31 * 24 * 3_600_000;

type Refused = ReturnType<typeof refuse>;

/** The lease when it is the one in force, or why it is not. */
export function own(state: TagState, lease: string): Lease | Refused {
  if (state.lease?.id === lease) return state.lease;
  if (state.superseded === lease)
    return refuse('Superseded', `a later candidate took the place of ${lease}`);
  return refuse(
    'LeaseLost',
    `expected lease ${lease} to be held; ${state.lease ? `${state.lease.workflowId} holds the tag` : 'nothing holds the tag'}`,
  );
}

/** A candidate goes live by the rules it was judged by, or not at all. */
export function otherRules(state: TagState, { judgedUnder }: Lease): Refused | null {
  if (!rulesOf(state).definitionHoldsToTheCommit || judgedUnder === null) return null;
  if (state.definition && judgingDigest(state.definition.definition) === judgedUnder) return null;
  return refuse(
    'DefinitionChanged',
    `the gate, shadow or rollout part of ${state.tag}'s definition changed while the candidate was rolled out`,
  );
}

export function renewLease(
  state: TagState,
  { lease, until, waitingFor }: RenewLeaseCommand,
  at: string,
): Outcome<RenewedLease> {
  const held = own(state, lease);
  if ('refused' in held) return held;
  const changed = otherRules(state, held);
  if (changed) return changed;
  const longest = after(at, LONGEST_LEASE_MS);
  const wanted = after(until ?? at, LEASE_MS);
  const deadline = wanted < longest ? wanted : longest;
  const approval = afterShadow(state, held, { waitingFor, at });
  const renewed = { ...held, approval, deadline, ...(waitingFor !== undefined && { waitingFor }) };
  const approvals = approval?.given.length ?? 0;
  return {
    state: { ...state, lease: renewed },
    result: { deadline, approvals, ...(approval && { approvalUntil: approval.expiresAt }) },
  };
}

/** The time to approve begins when the candidate's shadow window is over, which may last longer than people are given. */
function afterShadow(
  { definition }: TagState,
  { approval, waitingFor: before }: Lease,
  { waitingFor, at }: { waitingFor: RenewLeaseCommand['waitingFor']; at: string },
): Lease['approval'] {
  if (approval === null || definition === null) return approval;
  if (before !== 'shadow' || waitingFor === undefined || waitingFor === before) return approval;
  return { ...approval, expiresAt: approvalExpiry(definition.definition, at) };
}

/** Why a lease ended, for its run: what every further step under it will be told, too. */
export interface LeaseEnd {
  type: FailureType;
  asked: Pick<Asked, 'actor' | 'reason'>;
  at: string;
  /** False when the run ended it by itself and knows. */
  tell: boolean;
}

/**
 * The candidate goes. One that carries traffic is taken off by a write of the route, told of when it is settled; from now on it
 * holds nothing.
 */
export function dropLease(
  state: TagState,
  lease: Lease,
  end: LeaseEnd & { asked: Asked },
): { state: TagState; result: LedgerEntry | null } {
  const ended = afterLease(state, lease, end);
  const entry = draft('abort', lease.version, state.live, end.asked);
  if (lease.weightPercent === 0) {
    const settled = { at: end.at, outcome: 'applied' as const, fence: null };
    const appended = append(ended, entry, settled);
    return { state: appended.state, result: appended.entry };
  }
  const fence = state.fence + 1;
  const intent = { fence, route: routeOf(ended), entry, live: state.live, soft: true };
  return { state: { ...ended, fence, intent }, result: null };
}

/** The state without the lease, and with a word to its run when somebody else ended it. */
export function afterLease(
  state: TagState,
  lease: Lease,
  { type, asked, tell }: LeaseEnd,
): TagState {
  const ended = { ...state, lease: null };
  if (!tell) return ended;
  const reason = `${asked.actor}: ${asked.reason}`.slice(0, 400);
  return told(ended, lease.workflowId, { about: 'lease', lease: lease.id, type, reason });
}
