import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { HostSpec } from '../../../temporal/contracts/route.js';
import type { Asked, BeginRolloutCommand, RolloutGrant } from '../../../temporal/contracts/tag.js';
import { after } from '../../../temporal/duration.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { judgingDigest } from './define.js';
import { answered, remember } from './done.js';
import { hostOf, hostSpec, routeTo, withHost } from './route.js';
import { draft, refuse, type Lease, type Outcome, type Refusal, type TagState } from './state.js';

/** A lease outlives a worker's restart, and a run that died holds its tag no longer than this. */
export const LEASE_MS = 3_600_000;

/** Why a candidate may not begin now; null when it may, or may wait for its turn. */
export function objection(state: TagState, command: BeginRolloutCommand): Refusal | null {
  return (
    (otherRequest(state, command) ?? standing(state, command) ?? conflict(state, command))
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
    return { state, result: grantOf(lease, hostSpec(state, command.model)) };
  const refused =
    otherRequest(state, command) ??
    standing(state, command) ??
    displaced(state, command) ??
    conflict(state, command);
  if (refused) return refused;
  const known = withRequest(state, command, at);
  if (!lease) return grant(known, command, at);
  if (whenBusy(state) === 'supersede' && state.intent === null) {
    const reason = `superseded by ${command.asked.workflowId}`.slice(0, 400);
    const freed = dropLease(known, lease, { asked: { ...command.asked, reason }, at });
    return grant({ ...freed.state, superseded: lease.id }, command, at);
  }
  return enqueue(known, command, lease.workflowId);
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
export function commitRollout(state: TagState, lease: string, asked: Asked): Outcome<null> {
  const held = own(state, lease);
  if ('refused' in held) return held;
  if (state.live !== held.expectedLive) return liveChanged(state, held.expectedLive);
  const blocked = frozen(state) ?? quarantined(state, held.version);
  if (blocked) return blocked;
  const fence = state.fence + 1;
  const entry = {
    ...draft('promote', state.live, held.version, asked),
    actor: held.actor,
    reason: held.reason,
    evidence: held.evidence,
  };
  const intent = {
    fence,
    route: routeTo(state, held.version),
    entry,
    live: held.version,
    soft: true,
  };
  return { state: { ...state, fence, intent }, result: null };
}

/** The candidate goes; a lease that is not held any more has been ended already, which is what was asked for. */
export function abortRollout(
  state: TagState,
  lease: string,
  told: { asked: Asked; at: string },
): Outcome<LedgerEntry | null> {
  if (state.lease?.id !== lease) return { state, result: null };
  return dropLease(state, state.lease, told);
}

function dropLease(
  state: TagState,
  lease: Lease,
  { asked, at }: { asked: Asked; at: string },
): { state: TagState; result: LedgerEntry } {
  const entry = draft('abort', lease.version, state.live, asked);
  const appended = append({ ...state, lease: null }, entry, {
    at,
    outcome: 'applied',
    fence: null,
  });
  return { state: appended.state, result: appended.entry };
}

export function renewLease(state: TagState, lease: string, at: string): Outcome<string> {
  const held = own(state, lease);
  if ('refused' in held) return held;
  const deadline = after(at, LEASE_MS);
  return { state: { ...state, lease: { ...held, deadline } }, result: deadline };
}

function own(
  state: TagState,
  lease: string,
): NonNullable<TagState['lease']> | ReturnType<typeof refuse> {
  if (state.lease?.id === lease) return state.lease;
  if (state.superseded === lease)
    return refuse('Superseded', `a later candidate took the place of ${lease}`);
  return refuse(
    'LeaseLost',
    `expected lease ${lease} to be held; ${state.lease ? `${state.lease.workflowId} holds the tag` : 'nothing holds the tag'}`,
  );
}

function grant(state: TagState, command: BeginRolloutCommand, at: string): Outcome<RolloutGrant> {
  const { asked, model, warrant } = command;
  const known = { ...state, models: { ...state.models, [String(model.version)]: model } };
  const hosted = withHost(known, model.version, null);
  const evidence =
    warrant.kind === 'gate' ? [`gate ${warrant.registryRunId}`] : [`override: ${warrant.why}`];
  const entry = { ...draft('rollout-start', state.live, model.version, asked), evidence };
  const {
    state: told,
    entry: { seq },
  } = append(hosted, entry, { at, outcome: 'applied', fence: null });
  const lease = {
    id: `lease-${String(seq)}`,
    workflowId: asked.workflowId,
    version: model.version,
    weightPercent: 0,
    deadline: after(at, LEASE_MS),
    expectedLive: state.live,
    host: hostOf(hosted, model.version),
    actor: asked.actor,
    reason: asked.reason,
    evidence,
  };
  const next = {
    ...told,
    lease,
    queue: told.queue?.workflowId === asked.workflowId ? null : told.queue,
  };
  return { state: next, result: grantOf(lease, hostSpec(hosted, model)) };
}

function grantOf(lease: Lease, host: HostSpec): RolloutGrant {
  const { id, deadline, expectedLive } = lease;
  return { state: 'granted', lease: id, deadline, host, incumbent: expectedLive };
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
): Refused | null {
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
  return quarantined(state, model.version) ?? frozen(state);
}

function conflict(state: TagState, { asked }: BeginRolloutCommand): Refused | null {
  const { lease } = state;
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

function quarantined(state: TagState, version: number): Refused | null {
  const held = state.quarantined[String(version)];
  if (!held) return null;
  const id = modelId(state.tag, version);
  return refuse('Quarantined', `${id} is quarantined by ${held.by}: ${held.reason}`, {
    modelId: id,
  });
}

function frozen(state: TagState): Refused | null {
  if (!state.frozen) return null;
  const { by, until, reason } = state.frozen;
  return refuse('Frozen', `${state.tag} is frozen by ${by}: ${reason}`, { by, until });
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
