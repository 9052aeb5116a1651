import type { Notice } from '../../../temporal/contracts/notice.js';
import { rulesOf } from './logic.js';
import type { TagState } from './state.js';

/** Runs ask by themselves, too: what does not fit here reaches them later. */
const KEPT = 20;

/** Puts a notice to a run on the list that the tag's workflow sends from. */
export function told(state: TagState, workflowId: string, notice: Notice): TagState {
  if (!rulesOf(state).runsAreTold) return state;
  return { ...state, notices: [...state.notices, { workflowId, notice }].slice(-KEPT) };
}
