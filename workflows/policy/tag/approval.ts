import type {
  ApprovalState,
  ApprovalSubject,
  ApprovalView,
} from '../../../temporal/contracts/approval.js';
import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { ApproveCommand } from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { approvalExpiry } from './approval-expiry.js';
import { dropLease } from './lease.js';
import { told } from './notices.js';
import { rollback } from './rollback.js';
import { usedSignature, withSignature } from './signatures.js';
import { refuse, type Lease, type Outcome, type TagState } from './state.js';

type Refused = ReturnType<typeof refuse>;
/** A command whose signer the worker has identified: `asked.actor` is the key's name where keys are configured. */
export type Signable<Command> = Command & { key?: string | null };

/** What a candidate needs before it may carry traffic; null: nobody's word. */
export function approvalFor(definition: ModelDefinition, at: string): ApprovalState | null {
  const { approval } = definition.gate;
  if (!approval) return null;
  const expiresAt = approvalExpiry(definition, at);
  return { required: approval.required, from: approval.from ?? null, expiresAt, given: [] };
}

/** The candidate in flight as its approvers see it. */
export function approvalView(state: TagState): ApprovalView | null {
  const { lease } = state;
  if (!lease?.approval) return null;
  const { requesters, approval } = lease;
  return {
    subject: subjectOf(state, lease),
    modelId: modelId(state.tag, lease.version),
    requesters,
    approval,
  };
}

/** Why the candidate may not carry traffic yet; null when enough have approved it. */
export function approvalMissing({ approval, version }: Lease, tag: string): Refused | null {
  if (!approval || approval.given.length >= approval.required) return null;
  return refuse(
    'ApprovalRefused',
    `expected ${String(approval.required)} approvals of ${modelId(tag, version)}, got ${String(approval.given.length)}`,
    { reason: 'not-waiting' },
  );
}

export function approve(
  state: TagState,
  command: Signable<ApproveCommand>,
  at: string,
): Outcome<ApprovalView> {
  const waiting = waitingFor(state, command, at);
  if ('refused' in waiting) return waiting;
  const used = usedSignature(state, command.signed, at);
  if (used) return used;
  const { asked, key } = command;
  const given = [
    ...waiting.approval.given,
    { by: asked.actor, at, comment: asked.reason, key: key ?? null },
  ];
  const lease = { ...waiting.lease, approval: { ...waiting.approval, given } };
  const signed = withSignature({ ...state, lease }, command.signed, at);
  const next = told(signed, lease.workflowId, {
    about: 'approval',
    lease: lease.id,
    have: given.length,
  });
  return { state: next, result: approvalView(next) as ApprovalView };
}

/** One word against it is enough: the candidate goes. */
export function reject(
  state: TagState,
  command: Signable<ApproveCommand>,
  at: string,
): Outcome<LedgerEntry> {
  const waiting = candidateFor(state, command);
  if ('refused' in waiting) return waiting;
  if (hasTraffic(state, waiting.lease))
    return no(
      'already-decided',
      'the candidate carries traffic: withdraw the approval, or roll it back',
    );
  const { asked } = command;
  const rejected = { ...asked, reason: `rejected: ${asked.reason}`.slice(0, 400) };
  const end = { type: 'Rejected' as const, asked: rejected, at, tell: true };
  const dropped = dropLease(state, waiting.lease, end);
  return { state: dropped.state, result: dropped.result as LedgerEntry };
}

/**
 * Takes an approval back. A candidate that waits for approvals waits on, and one that is past that ends 'rejected' at its next
 * step; one that carries traffic, or is live, is left as in a rollback.
 */
export function withdraw(
  state: TagState,
  { asked, subject }: Signable<ApproveCommand>,
  at: string,
): Outcome<LedgerEntry | null> {
  const { lease, live, liveApproved } = state;
  const back = { ...asked, reason: `approval withdrawn: ${asked.reason}`.slice(0, 400) };
  if (lease?.approval && lease.workflowId === subject.rollout) {
    if (!gave(lease.approval.given, asked.actor)) return notGiven(subject, asked.actor);
    if (hasTraffic(state, lease)) return rollback(state, { asked: back, from: lease.version }, at);
    const given = lease.approval.given.filter(({ by }) => by !== asked.actor);
    const kept = { ...lease, approval: { ...lease.approval, given } };
    const next = told({ ...state, lease: kept }, lease.workflowId, {
      about: 'approval',
      lease: lease.id,
      have: given.length,
    });
    return { state: next, result: null };
  }
  if (live === null || liveApproved?.rollout !== subject.rollout)
    return refuse(
      'ApprovalRefused',
      `expected an approval of the live model or of the candidate in flight, and ${subject.rollout} made neither`,
      { reason: 'not-waiting' },
    );
  if (!gave(liveApproved.given, asked.actor)) return notGiven(subject, asked.actor);
  return rollback(state, { asked: back, from: live }, at);
}

/** The lease that waits for just this approval, by somebody who may give it and has not yet. */
function waitingFor(
  state: TagState,
  command: ApproveCommand,
  at: string,
): { lease: Lease; approval: ApprovalState } | Refused {
  const found = candidateFor(state, command);
  if ('refused' in found) return found;
  const { approval } = found;
  const { actor } = command.asked;
  const id = modelId(state.tag, found.lease.version);
  if (gave(approval.given, actor))
    return no('already-decided', `${actor} has approved ${id} already`);
  if (approval.given.length >= approval.required)
    return no('already-decided', `${id} has all the approvals it needs`);
  if (approval.expiresAt <= at)
    return no('expired', `the approval of ${id} was to be given until ${approval.expiresAt}`);
  return found;
}

/** The lease of the candidate that the command is about, when whoever asks may have a say in it. */
function candidateFor(
  state: TagState,
  { asked, subject }: ApproveCommand,
): { lease: Lease; approval: ApprovalState } | Refused {
  const { lease } = state;
  const id = modelId(state.tag, subject.version);
  if (!lease?.approval)
    return no('not-waiting', `no rollout of ${state.tag} waits for an approval`);
  const wanted = subjectOf(state, lease);
  if (!sameSubject(wanted, subject))
    return no(
      'other-candidate',
      `expected an approval of ${describe(state, wanted)}, got one of ${describe(state, subject)}`,
    );
  const { approval } = lease;
  if (lease.requesters.includes(asked.actor))
    return refuse('SelfApproval', `${asked.actor} asked for the rollout of ${id}`);
  if (approval.from && !approval.from.includes(asked.actor))
    return no(
      'not-an-approver',
      `expected one of ${approval.from.join(', ')} to approve ${id}, got ${asked.actor}`,
    );
  return { lease, approval };
}

const subjectOf = (state: TagState, lease: Lease): ApprovalSubject => ({
  rollout: lease.workflowId,
  version: lease.version,
  digest: state.models[String(lease.version)]?.digest ?? '',
  from: lease.expectedLive,
  liveSeq: state.liveSeq,
});

const sameSubject = (a: ApprovalSubject, b: ApprovalSubject): boolean =>
  a.rollout === b.rollout &&
  a.version === b.version &&
  a.digest === b.digest &&
  a.from === b.from &&
  a.liveSeq === b.liveSeq;

const describe = ({ tag }: TagState, { rollout, version, digest, from }: ApprovalSubject): string =>
  `${modelId(tag, version)} (${digest.slice(0, 19)}) in place of ${from === null ? 'nothing' : modelId(tag, from)} by ${rollout}`;

/** Also when the write that gives it some is under way. */
const hasTraffic = ({ intent }: TagState, { weightPercent }: Lease): boolean =>
  weightPercent > 0 || intent?.entry.action === 'shift' || intent?.entry.action === 'promote';

const gave = (given: ApprovalState['given'], actor: string): boolean =>
  given.some(({ by }) => by === actor);

const no = (reason: string, message: string): Refused =>
  refuse('ApprovalRefused', message, { reason });

const notGiven = ({ rollout }: ApprovalSubject, actor: string): Refused =>
  no('not-an-approver', `expected somebody who approved ${rollout}, got ${actor}`);
