import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { QuarantineCommand } from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { append } from '../ledger.js';
import { draft, refuse, type Outcome, type TagState } from './state.js';
import { dropLease } from './lease.js';
import { rulesOf } from './logic.js';
import { warmTarget } from './warmth.js';

const KEPT_RELEASED = 50;

/**
 * Keeps a version from being promoted or rolled back to; a candidate in flight loses its lease, and its traffic. The live model
 * keeps its own: leaving it is a rollback.
 */
export function quarantine(
  state: TagState,
  { asked, version }: QuarantineCommand,
  at: string,
): Outcome<LedgerEntry> {
  const marked = {
    ...state,
    quarantined: {
      ...state.quarantined,
      [String(version)]: { by: asked.actor, reason: asked.reason, at },
    },
  };
  const settled = { at, outcome: 'applied' as const, fence: null };
  const { state: noted, entry } = append(
    marked,
    draft('quarantine', null, version, asked),
    settled,
  );
  const { lease } = noted;
  if (lease?.version !== version || !rulesOf(state).quarantineEndsTheLease)
    return { state: warmTarget(noted, at), result: entry };
  const dropped = dropLease(noted, lease, { type: 'Quarantined', asked, at, tell: true });
  return { state: warmTarget(dropped.state, at), result: entry };
}

/** Why a version may not be promoted; null when it may. */
export function quarantinedRefusal(
  state: TagState,
  version: number,
): ReturnType<typeof refuse> | null {
  const held = state.quarantined[String(version)];
  if (!held) return null;
  const id = modelId(state.tag, version);
  return refuse('Quarantined', `${id} is quarantined by ${held.by}: ${held.reason}`, {
    modelId: id,
  });
}

export function release(
  state: TagState,
  { asked, version }: QuarantineCommand,
  at: string,
): Outcome<LedgerEntry> {
  const { [String(version)]: held, ...quarantined } = state.quarantined;
  if (!held)
    return refuse('InvalidRequest', `${modelId(state.tag, version)} is not quarantined`, {
      issues: [{ path: 'version', message: 'expected a quarantined version' }],
    });
  const released = {
    ...state,
    quarantined,
    released: [...state.released, version].slice(-KEPT_RELEASED),
  };
  const { state: next, entry } = append(released, draft('release', null, version, asked), {
    at,
    outcome: 'applied',
    fence: null,
  });
  return { state: warmTarget(next, at), result: entry };
}
