import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type {
  BeginShadowCommand,
  EndShadowCommand,
  WantedShadow,
} from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { told } from './notices.js';
import { quarantinedRefusal } from './quarantine.js';
import { routeOf, withHost } from './route.js';
import {
  draft,
  refuse,
  type EntryDraft,
  type Outcome,
  type Refusal,
  type TagState,
} from './state.js';

/** What a mirror is called from the write on that began it, or moved its end. */
export const shadowId = (fence: number | null): string => `shadow-${String(fence)}`;

/**
 * Mirrors live traffic to a version until an instant that the tag itself keeps. Asked again by the run whose mirror is in force:
 * its end moves.
 */
export function beginShadow(
  state: TagState,
  { asked, model, samplingPercent, until }: BeginShadowCommand,
  at: string,
): Outcome<LedgerEntry | null> {
  const { version } = model;
  const wanted = { version, from: at, until, workflowId: asked.workflowId };
  const refused = shadowRefusal(state, wanted, at);
  if (refused) return refused;
  const known = { ...state, models: { ...state.models, [String(model.version)]: model } };
  const hosted = withHost(known, model.version, null);
  const fence = state.fence + 1;
  const shadow = {
    id: shadowId(fence),
    workflowId: asked.workflowId,
    version: model.version,
    samplingPercent,
    until,
  };
  const extended = state.shadow === null ? '' : 'extended: ';
  const evidence = [`${extended}${String(samplingPercent)} % until ${until}`];
  const entry = { ...draft('shadow-start', state.live, model.version, asked), evidence };
  const route = routeOf({ ...hosted, shadow });
  const intent = { fence, route, entry, live: state.live, shadow, soft: true };
  return { state: { ...hosted, fence, intent }, result: null };
}

/**
 * The mirror goes out of the state first, so that nothing puts it back. Of one that has ended, the answer is the entry that
 * ended it, as far as it is held. Its run is told when somebody else ends it before its time.
 *
 * A run names none: the name changes with every write, and a run that is cancelled over one does not know its answer.
 */
export function endShadow(
  state: TagState,
  command: EndShadowCommand,
  at: string,
): Outcome<LedgerEntry | null> {
  const { asked } = command;
  const held = state.shadow;
  if (!held || !isMeant(command, held)) return { state, result: endOf(state, command) };
  const { id, workflowId, until } = held;
  const early = until > at && workflowId !== asked.workflowId;
  const dropped = { ...state, shadow: null };
  const ended = early
    ? told(dropped, workflowId, { about: 'shadow', shadow: id, reason: asked.reason })
    : dropped;
  const fence = state.fence + 1;
  const entry = draft('shadow-end', held.version, state.live, asked);
  const intent = { fence, route: routeOf(ended), entry, live: state.live, soft: true };
  return { state: { ...ended, fence, intent }, result: null };
}

const isMeant = (
  { asked, shadow }: EndShadowCommand,
  { id, workflowId }: { id: string; workflowId: string },
): boolean => (shadow === undefined ? workflowId === asked.workflowId : id === shadow);

function endOf({ tail }: TagState, command: EndShadowCommand): LedgerEntry | null {
  const begun = tail.findLast(
    ({ action, fence, workflowId }) =>
      action === 'shadow-start' && isMeant(command, { id: shadowId(fence), workflowId }),
  );
  const after = begun && tail.find(({ action, seq }) => action === 'shadow-end' && seq > begun.seq);
  return after ?? null;
}

/** Why the entity has to end the shadow by itself; null: it has not. */
export function shadowDue({ shadow, quarantined }: TagState, at: string): string | null {
  if (shadow === null) return null;
  if (shadow.until <= at) return `its window was until ${shadow.until}`;
  return String(shadow.version) in quarantined ? 'cancelled: the candidate was quarantined' : null;
}

/** Why a shadow of the version could not begin now, or at an instant to come; null: it could. */
export const shadowObjection = (
  state: TagState,
  wanted: WantedShadow,
  at: string,
): Refusal | null => shadowRefusal(state, wanted, at)?.refused ?? null;

/** A shadow compares with the live model: another one, and its window is worth nothing any more. */
export function withoutShadow(
  state: TagState,
  why: Pick<EntryDraft, 'actor' | 'reason' | 'workflowId'>,
  at: string,
): TagState {
  const { shadow } = state;
  if (shadow === null) return state;
  const reason = `cancelled: incumbent changed: ${why.reason}`.slice(0, 400);
  const entry = {
    action: 'shadow-end' as const,
    from: shadow.version,
    to: state.live,
    actor: why.actor,
    reason,
    workflowId: why.workflowId,
    evidence: [],
  };
  const settled = { at, outcome: 'applied' as const, fence: null };
  const { state: ended } = append({ ...state, shadow: null }, entry, settled);
  return told(ended, shadow.workflowId, { about: 'shadow', shadow: shadow.id, reason });
}

function shadowRefusal(
  state: TagState,
  { version, from, until, workflowId }: WantedShadow,
  at: string,
): ReturnType<typeof refuse> | null {
  const { tag, live } = state;
  if (live === null) return invalid('tag', `expected a live model of ${tag} to compare with`);
  if (live === version)
    return invalid('version', `expected a version that is not live, got ${modelId(tag, live)}`);
  if (until <= at) return invalid('until', `expected an end after ${at}, got ${until}`);
  return (
    quarantinedRefusal(state, version) ??
    shadowedRefusal(state, { version, from, workflowId }, at) ??
    (from <= at ? sharedRefusal(state) : null)
  );
}

/** One mirror at a time, as far as its end is known. Whoever asks has its own in nobody's way. */
function shadowedRefusal(
  { tag, shadow }: TagState,
  { version, from, workflowId }: Omit<WantedShadow, 'until'>,
  at: string,
): ReturnType<typeof refuse> | null {
  // One that is over and not ended yet has an end to write first.
  if (!shadow || (from > at && shadow.until <= from)) return null;
  if (shadow.workflowId === workflowId && shadow.version === version) return null;
  return refuse('Busy', `${modelId(tag, shadow.version)} is shadowed by ${shadow.workflowId}`, {
    workflowId: shadow.workflowId,
  });
}

function sharedRefusal({ tag, lease }: TagState): ReturnType<typeof refuse> | null {
  if (!lease || lease.weightPercent === 0) return null;
  return refuse('Busy', `${modelId(tag, lease.version)} has a share of the traffic`, {
    workflowId: lease.workflowId,
  });
}

const invalid = (path: string, message: string): ReturnType<typeof refuse> =>
  refuse('InvalidRequest', message, { issues: [{ path, message }] });
