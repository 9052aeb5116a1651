import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { ShiftTrafficCommand } from '../../../temporal/contracts/tag.js';
import { modelId } from '../../../temporal/ids.js';
import { approvalMissing } from './approval.js';
import { frozenRefusal } from './freeze.js';
import { otherRules, own } from './lease.js';
import { quarantinedRefusal } from './quarantine.js';
import { routeOf } from './route.js';
import { draft, refuse, type Outcome, type TagState } from './state.js';

/** Gives the candidate a share of the traffic, of callers chosen by their request's id. */
export function shiftTraffic(
  state: TagState,
  { lease, weightPercent, asked }: ShiftTrafficCommand,
  at: string,
): Outcome<LedgerEntry | null> {
  const held = own(state, lease);
  if ('refused' in held) return held;
  const blocked =
    frozenRefusal(state, at) ??
    quarantinedRefusal(state, held.version) ??
    otherRules(state, held) ??
    approvalMissing(held, state.tag);
  if (blocked) return blocked;
  if (state.live === null)
    return refuse('InvalidRequest', `${state.tag} has no live model to share its traffic with`, {
      issues: [{ path: 'weightPercent', message: 'expected a live model beside the candidate' }],
    });
  const shifted = { ...state, lease: { ...held, weightPercent, waitingFor: null } };
  const fence = state.fence + 1;
  const entry = {
    ...draft('shift', state.live, held.version, asked),
    actor: held.actor,
    evidence: [`${String(weightPercent)} % to ${modelId(state.tag, held.version)}`],
  };
  const intent = {
    fence,
    route: routeOf(shifted),
    entry,
    live: state.live,
    weightPercent,
    soft: true,
  };
  return {
    state: { ...state, lease: { ...held, waitingFor: null }, fence, intent },
    result: null,
  };
}
