import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { BeginShadowCommand, EndShadowCommand } from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { told } from './notices.js';
import { quarantinedRefusal } from './quarantine.js';
import { routeOf, withHost } from './route.js';
import { draft, refuse, type EntryDraft, type Outcome, type TagState } from './state.js';

/** Mirrors live traffic to a version until an instant that the tag itself keeps. */
export function beginShadow(
  state: TagState,
  { asked, model, samplingPercent, until }: BeginShadowCommand,
  at: string,
): Outcome<LedgerEntry | null> {
  const refused = shadowRefusal(state, { model, until, at });
  if (refused) return refused;
  const known = { ...state, models: { ...state.models, [String(model.version)]: model } };
  const hosted = withHost(known, model.version, null);
  const fence = state.fence + 1;
  const shadow = {
    id: `shadow-${String(fence)}`,
    workflowId: asked.workflowId,
    version: model.version,
    samplingPercent,
    until,
  };
  const evidence = [`${String(samplingPercent)} % until ${until}`];
  const entry = { ...draft('shadow-start', state.live, model.version, asked), evidence };
  const route = routeOf({ ...hosted, shadow });
  const intent = { fence, route, entry, live: state.live, shadow, soft: true };
  return { state: { ...hosted, fence, intent }, result: null };
}

/** The mirror goes out of the state first, so that nothing puts it back; a shadow that has ended is ended. */
export function endShadow(
  state: TagState,
  { asked, shadow }: EndShadowCommand,
): Outcome<LedgerEntry | null> {
  const held = state.shadow;
  if (held?.id !== shadow) return { state, result: null };
  const ended = { ...state, shadow: null };
  const fence = state.fence + 1;
  const entry = draft('shadow-end', held.version, state.live, asked);
  const intent = { fence, route: routeOf(ended), entry, live: state.live, soft: true };
  return { state: { ...ended, fence, intent }, result: null };
}

/** Whether the entity has to end the shadow by itself. */
export function shadowDue({ shadow, quarantined }: TagState, at: string): string | null {
  if (shadow === null) return null;
  if (shadow.until <= at) return 'its window is over';
  return String(shadow.version) in quarantined ? 'the candidate was quarantined' : null;
}

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
  { model, until, at }: Pick<BeginShadowCommand, 'model' | 'until'> & { at: string },
): ReturnType<typeof refuse> | null {
  const { tag, live, lease, shadow } = state;
  if (live === null) return invalid('tag', `expected a live model of ${tag} to compare with`);
  if (live === model.version)
    return invalid('version', `expected a version that is not live, got ${modelId(tag, live)}`);
  if (until <= at) return invalid('until', `expected an end after ${at}, got ${until}`);
  if (shadow)
    return refuse('Busy', `${modelId(tag, shadow.version)} is shadowed by ${shadow.workflowId}`, {
      workflowId: shadow.workflowId,
    });
  if (lease && lease.weightPercent > 0)
    return refuse('Busy', `${modelId(tag, lease.version)} has a share of the traffic`, {
      workflowId: lease.workflowId,
    });
  return quarantinedRefusal(state, model.version);
}

const invalid = (path: string, message: string): ReturnType<typeof refuse> =>
  refuse('InvalidRequest', message, { issues: [{ path, message }] });
