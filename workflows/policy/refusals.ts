import type { ApplicationFailure } from '@temporalio/common';
import type { RolloutResult } from '../../temporal/contracts/runs.js';
import type { FailureType } from '../../temporal/errors.js';

/** A refusal that reaches a run under way is an outcome: the world changed, nothing broke. */
const OUTCOMES: Partial<Record<FailureType, RolloutResult['outcome']>> = {
  LiveChanged: 'superseded',
  DefinitionChanged: 'superseded',
  Superseded: 'superseded',
  LeaseLost: 'aborted',
  Quarantined: 'aborted',
  Frozen: 'aborted',
  Busy: 'aborted',
  Rejected: 'rejected',
  ApprovalRefused: 'rejected',
  SelfApproval: 'rejected',
  UnknownTag: 'aborted',
};

export function outcomeOfRefusal(
  said: Pick<ApplicationFailure, 'type' | 'message'> | undefined,
): { outcome: RolloutResult['outcome']; reason: string } | null {
  const outcome = OUTCOMES[said?.type as FailureType];
  return said && outcome ? { outcome, reason: said.message } : null;
}
