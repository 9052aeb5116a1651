import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { HostSpec } from '../../../temporal/contracts/route.js';
import type { Asked, BeginRolloutCommand, RolloutGrant } from '../../../temporal/contracts/tag.js';
import { after } from '../../../temporal/duration.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { approvalFor, approvalMissing } from './approval.js';
import { judgingDigest } from './define.js';
import { answered, remember } from './done.js';
import { frozenRefusal } from './freeze.js';
import { dropLease, LEASE_MS, otherRules, own } from './lease.js';
import { planOf } from './plan.js';
import { quarantinedRefusal } from './quarantine.js';
import { hostOf, hostSpec, routeTo, withHost } from './route.js';
import { withoutShadow } from './shadow.js';
import { usedSignature, withSignature } from './signatures.js';
import { draft, refuse, type Lease, type Outcome, type Refusal, type TagState } from './state.js';

/** Why a candidate may not begin now; null when it may, or may wait for its turn. */
export function objection(
  state: TagState,
  command: BeginRolloutCommand,
  at: string,
): Refusal | null {
  return (
    (otherRequest(state, command) ?? standing(state, command, at) ?? conflict(state, command))
      ?.refused ?? null
  );
}

/** Grants the lease, or a place in the queue of one, where the latest wins. */
export function beginRollout(
  state: TagState,
  command: BeginRolloutCommand,
  at: string,
): Outcome<RolloutGrant> {
  const { lease } = state;
  if (lease?.workflowId === command.asked.workflowId)
    return { state, result: grantOf(state, lease, hostSpec(state, command.model)) };
  const refused =
    otherRequest(state, command) ??
    standing(state, command, at) ??
    displaced(state, command) ??
    usedSignature(state, command.signed, at) ??
    conflict(state, command);
  if (refused) return refused;
  const known = withRequest(state, command, at);
  if (!lease) return grant(known, command, at);
  const displaces = command.breakGlass === true || whenBusy(state) === 'supersede';
  if (displaces && state.intent === null) return supersede(known, { lease, command, at });
  return enqueue(known, command, lease.workflowId);
}

/** One that carries traffic is taken off it first, and the newer one is told when that is done. */
function supersede(
  state: TagState,
  { lease, command, at }: { lease: Lease; command: BeginRolloutCommand; at: string },
): Outcome<RolloutGrant> {
  const reason = `superseded by ${command.asked.workflowId}`.slice(0, 400);
  const asked = { ...command.asked, reason };
  const freed = dropLease(state, lease, { type: 'Superseded', asked, at, tell: true });
  const vacant = { ...freed.state, superseded: lease.id };
  return freed.result === null
    ? enqueue(vacant, command, lease.workflowId)
    : grant(vacant, command, at);
}

/** A promote's key belongs to one request, whichever version's run came with it first. */
function otherRequest(state: TagState, { requested }: BeginRolloutCommand): Refused | null {
  const known = requested ? answered(state, 'promote', requested) : null;
  return known && 'refused' in known ? known : null;
}

function withRequest(
  state: TagState,
  { requested, asked }: BeginRolloutCommand,
  at: string,
): TagState {
  if (!requested || answered(state, 'promote', requested)) return state;
  const key = `promote:${requested.key}`;
  return remember(state, {
    key,
    hash: requested.hash,
    at,
    kind: 'caller',
    result: asked.workflowId,
  });
}

/** The candidate's route becomes the tag's. Refused for a lease that is not held any more. */
export function commitRollout(
  state: TagState,
  { lease, asked }: { lease: string; asked: Asked },
  at: string,
): Outcome<null> {
  const held = own(state, lease);
  if ('refused' in held) return held;
  if (state.live !== held.expectedLive) return liveChanged(state, held.expectedLive);
  const blocked =
    frozenRefusal(state, at) ??
    quarantinedRefusal(state, held.version) ??
    otherRules(state, held) ??
    approvalMissing(held, state.tag);
  if (blocked) return blocked;
  const entry = {
    ...draft('promote', state.live, held.version, asked),
    actor: held.actor,
    reason: held.reason,
    evidence: [...held.evidence, ...approvedBy(held)],
  };
  const alone = withoutShadow(state, entry, at);
  const fence = state.fence + 1;
  const route = routeTo(state, held.version);
  const intent = { fence, route, entry, live: held.version, soft: true };
  return { state: { ...alone, fence, intent }, result: null };
}

/** At most 4,000 bytes for an entry in the journal: the comments stay in the tag's history. */
const approvedBy = ({ approval }: Lease): string[] =>
  (approval?.given ?? []).map(
    ({ by, at, key }) => `approved by ${by} at ${at}${key === null ? ', unsigned' : `, ${key}`}`,
  );

/** The candidate goes; a lease that is not held any more has been ended already, which is what was asked for. */
export function abortRollout(
  state: TagState,
  lease: string,
  told: { asked: Asked; at: string; tell: boolean },
): Outcome<LedgerEntry | null> {
  if (state.lease?.id !== lease) return { state, result: null };
  return dropLease(state, state.lease, { type: 'LeaseLost', ...told });
}

function grant(state: TagState, command: BeginRolloutCommand, at: string): Outcome<RolloutGrant> {
  const { asked, model, breakGlass = false } = command;
  const { definition } = state;
  const known = { ...state, models: { ...state.models, [String(model.version)]: model } };
  const hosted = withHost(known, model.version, null);
  const evidence = evidenceOf(command);
  const reason = breakGlass ? loud(asked.reason) : asked.reason;
  const entry = { ...draft('rollout-start', state.live, model.version, asked), reason, evidence };
  const {
    state: told,
    entry: { seq },
  } = append(hosted, entry, { at, outcome: 'applied', fence: null });
  const lease = {
    id: `lease-${String(seq)}`,
    workflowId: asked.workflowId,
    version: model.version,
    weightPercent: 0,
    waitingFor: null,
    judgedUnder: command.judgedUnder ?? (definition && judgingDigest(definition.definition)),
    approval: breakGlass || !definition ? null : approvalFor(definition.definition, at),
    // Whoever asks is one of them, whatever the command says of others.
    requesters: [...new Set([asked.actor, ...(command.requesters ?? [])])],
    breakGlass,
    deadline: after(at, LEASE_MS),
    expectedLive: state.live,
    host: hostOf(hosted, model.version),
    actor: asked.actor,
    reason,
    evidence,
  };
  const next = {
    ...told,
    lease,
    queue: told.queue?.workflowId === asked.workflowId ? null : told.queue,
  };
  const used = withSignature(next, command.signed, at);
  return { state: used, result: grantOf(used, lease, hostSpec(hosted, model)) };
}

function evidenceOf({ warrant, breakGlass }: BeginRolloutCommand): string[] {
  return [
    warrant.kind === 'gate' ? `gate ${warrant.registryRunId}` : `override: ${warrant.why}`,
    ...(breakGlass ? ['BREAK GLASS: no approval asked for, change windows passed over'] : []),
  ];
}

/** Nobody who reads the ledger passes over it. */
const loud = (reason: string): string => `BREAK GLASS: ${reason}`.slice(0, 400);

function grantOf(state: TagState, lease: Lease, host: HostSpec): RolloutGrant {
  const { id, deadline, expectedLive } = lease;
  const plan = planOf(state, lease);
  return { state: 'granted', lease: id, deadline, host, incumbent: expectedLive, plan };
}

function enqueue(
  state: TagState,
  command: BeginRolloutCommand,
  holder: string,
): Outcome<RolloutGrant> {
  const { queue } = state;
  if (queue?.workflowId === command.asked.workflowId)
    return { state, result: { state: 'queued', ticket: queue.number, holder } };
  const number = state.tickets + 1;
  const ticket = { number, workflowId: command.asked.workflowId, command };
  return {
    state: { ...state, tickets: number, queue: ticket },
    result: { state: 'queued', ticket: number, holder },
  };
}

type Refused = ReturnType<typeof refuse>;

/** What stands against the candidate whoever else is in flight. */
function standing(
  state: TagState,
  { model, expectedLive, judgedUnder }: BeginRolloutCommand,
  at: string,
): Refused | null {
  if (state.retired)
    return refuse(
      'UnknownTag',
      `${state.tag} was retired by ${state.retired.by}: ${state.retired.reason}; apply a definition to revive it`,
      { tag: state.tag },
    );
  if (!state.definition)
    return refuse('UnknownTag', `expected a definition of ${state.tag}, and none was applied`, {
      tag: state.tag,
    });
  if (state.live === model.version) {
    const id = modelId(state.tag, model.version);
    return refuse('InvalidRequest', `${id} is live already`, {
      issues: [{ path: 'version', message: `expected a version that is not live, got ${id}` }],
    });
  }
  if (expectedLive !== undefined && expectedLive !== state.live)
    return liveChanged(state, expectedLive);
  if (judgedUnder !== undefined && judgedUnder !== judgingDigest(state.definition.definition)) {
    return refuse(
      'DefinitionChanged',
      `the gate, shadow or rollout part of ${state.tag}'s definition changed since the candidate was judged`,
    );
  }
  return quarantinedRefusal(state, model.version) ?? frozenRefusal(state, at);
}

function conflict(state: TagState, { asked, breakGlass }: BeginRolloutCommand): Refused | null {
  const { lease } = state;
  if (breakGlass) return null;
  if (!lease || lease.workflowId === asked.workflowId || whenBusy(state) !== 'reject') return null;
  return refuse(
    'Busy',
    `${modelId(state.tag, lease.version)} is being rolled out by ${lease.workflowId}`,
    { workflowId: lease.workflowId },
  );
}

/** A run that waited and finds another ticket in its place was displaced by a later candidate. */
function displaced(state: TagState, { ticket, asked }: BeginRolloutCommand): Refused | null {
  if (ticket === undefined) return null;
  if (state.queue?.workflowId === asked.workflowId) return null;
  if (state.queue === null && state.tickets === ticket) return null;
  return refuse('Superseded', `a later candidate took the place of ticket ${String(ticket)}`);
}

function liveChanged(state: TagState, expectedLive: number | null): Refused {
  const id = (version: number | null): string | null =>
    version === null ? null : modelId(state.tag, version);
  const [expected, actual] = [id(expectedLive), id(state.live)];
  return refuse(
    'LiveChanged',
    `expected ${expected ?? 'nothing'} to be live, and ${actual ?? 'nothing'} is`,
    { expected, actual },
  );
}

const whenBusy = (state: TagState): string =>
  state.definition?.definition.whenBusy ?? 'queue-latest';
