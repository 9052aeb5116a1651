import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { BeginRolloutCommand, RolloutGrant } from '../../../temporal/contracts/tag.js';
import { after } from '../../../temporal/duration.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { judgingDigest } from './define.js';
import { releaseHost } from './hosts.js';
import { hostOf, routeTo, withHost } from './route.js';
import { draft, refuse, type Outcome, type Refusal, type TagState } from './state.js';

/** A lease outlives a worker's restart, and a run that died holds its tag no longer than this. */
export const LEASE_MS = 3_600_000;

/** Why a candidate may not begin now; null when it may, or may wait for its turn. */
export function objection(state: TagState, command: BeginRolloutCommand): Refusal | null {
  return (standing(state, command) ?? conflict(state, command))?.refused ?? null;
}

/** Grants the lease, or a place in the queue of one, where the latest wins. */
export function beginRollout(
  state: TagState,
  command: BeginRolloutCommand,
  at: string,
): Outcome<RolloutGrant> {
  const { lease } = state;
  if (lease?.workflowId === command.asked.workflowId)
    return { state, result: grantOf(state, lease.id) };
  const refused = standing(state, command) ?? displaced(state, command) ?? conflict(state, command);
  if (refused) return refused;
  if (!lease) return grant(state, command, at);
  if (whenBusy(state) === 'supersede' && state.intent === null)
    return grant(supersede(state, command, at), command, at);
  return enqueue(state, command);
}

/** The candidate's route becomes the tag's. Refused for a lease that is not held any more. */
export function commitRollout(
  state: TagState,
  lease: string,
  asked: BeginRolloutCommand['asked'],
): Outcome<null> {
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
    quarantine: null,
    soft: true,
  };
  return { state: { ...state, fence, intent }, result: null };
}

/** The candidate goes; a lease that is not held any more has been ended already, which is what was asked for. */
export function abortRollout(
  state: TagState,
  lease: string,
  told: { asked: BeginRolloutCommand['asked']; at: string },
): Outcome<LedgerEntry | null> {
  if (state.lease?.id !== lease) return { state, result: null };
  const { version, host } = state.lease;
  const ended = releaseHost({ ...state, lease: null }, host);
  const entry = draft('abort', version, state.live, told.asked);
  const appended = append(ended, entry, { at: told.at, outcome: 'applied', fence: null });
  return { state: appended.state, result: appended.entry };
}

export function renewLease(state: TagState, lease: string, at: string): Outcome<string> {
  const held = own(state, lease);
  if ('refused' in held) return held;
  const deadline = after(at, LEASE_MS);
  return { state: { ...state, lease: { ...held, deadline } }, result: deadline };
}

export function own(
  state: TagState,
  lease: string,
): NonNullable<TagState['lease']> | ReturnType<typeof refuse> {
  if (state.lease?.id === lease) return state.lease;
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
  return { state: next, result: grantOf(next, lease.id) };
}

function grantOf(state: TagState, id: string): RolloutGrant {
  const { lease } = state;
  const host = lease && state.hosts[lease.host];
  if (lease?.id !== id || !host) throw new Error(`expected lease ${id} to be held, with a host`);
  return {
    state: 'granted',
    lease: id,
    deadline: lease.deadline,
    host: host.spec,
    incumbent: lease.expectedLive,
  };
}

function enqueue(state: TagState, command: BeginRolloutCommand): Outcome<RolloutGrant> {
  const holder = state.lease?.workflowId ?? '';
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

function supersede(state: TagState, { asked }: BeginRolloutCommand, at: string): TagState {
  const { lease } = state;
  if (!lease) return state;
  const told = {
    asked: { ...asked, reason: `superseded by ${asked.workflowId}`.slice(0, 400) },
    at,
  };
  const aborted = abortRollout(state, lease.id, told);
  return aborted.refused ? state : aborted.state;
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
