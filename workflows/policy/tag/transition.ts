import type {
  ApproveCommand,
  BeginRolloutCommand,
  BeginShadowCommand,
  DefineCommand,
  DemoteCommand,
  EndShadowCommand,
  FreezeCommand,
  HoldHostCommand,
  LeaseCommand,
  QuarantineCommand,
  ReleaseHostCommand,
  RenewLeaseCommand,
  RetireCommand,
  RollbackCommand,
  ShiftTrafficCommand,
  TriggerCommand,
  UnfreezeCommand,
} from '../../../temporal/contracts/tag.js';
import { approve, reject, withdraw, type Signable } from './approval.js';
import { shiftTraffic } from './canary.js';
import { define } from './define.js';
import { freeze, unfreeze } from './freeze.js';
import { holdHost, releaseHost } from './hosts.js';
import { quarantine, release } from './quarantine.js';
import { repair } from './repair.js';
import { renewLease } from './lease.js';
import { demote, retire, rollback, rollbackFrom } from './rollback.js';
import { abortRollout, beginRollout, commitRollout } from './rollout.js';
import { settle, type Settlement } from './settle.js';
import { beginShadow, endShadow } from './shadow.js';
import { refuse, type Outcome, type TagState } from './state.js';
import { noteTrigger } from './triggers.js';

/** Everything that can happen to a tag. */
export type Command =
  | ({ type: 'define' } & DefineCommand)
  | ({ type: 'beginRollout' } & BeginRolloutCommand)
  | ({ type: 'shiftTraffic' } & ShiftTrafficCommand)
  | ({ type: 'commitRollout' } & LeaseCommand)
  /** `by` 'tag': the tag ends the lease by itself, and tells its run. */
  | ({ type: 'abortRollout'; by?: 'tag' } & LeaseCommand)
  | ({ type: 'renewLease' } & RenewLeaseCommand)
  | ({ type: 'holdHost' } & HoldHostCommand)
  | ({ type: 'releaseHost' } & ReleaseHostCommand)
  | ({ type: 'rollback' } & RollbackCommand)
  | ({ type: 'demote' } & DemoteCommand)
  | ({ type: 'quarantine' } & QuarantineCommand)
  | ({ type: 'release' } & QuarantineCommand)
  | ({ type: 'approve' } & Signable<ApproveCommand>)
  | ({ type: 'reject' } & Signable<ApproveCommand>)
  | ({ type: 'withdraw' } & Signable<ApproveCommand>)
  | ({ type: 'freeze' } & FreezeCommand)
  | ({ type: 'unfreeze' } & UnfreezeCommand)
  | ({ type: 'retire' } & RetireCommand)
  | ({ type: 'beginShadow' } & BeginShadowCommand)
  | ({ type: 'endShadow' } & EndShadowCommand)
  | ({ type: 'noteTrigger' } & TriggerCommand)
  | { type: 'repair'; reason: string }
  | ({ type: 'settle' } & Omit<Settlement, 'at'>);

/**
 * The heart of a tag: what a command does to it, or why it is refused. Pure and total, so that every state can be searched
 * without Temporal. A result that carries an intent is not done yet: the write and its settlement follow.
 */
export function transition(state: TagState, command: Command, at: string): Outcome {
  switch (command.type) {
    case 'define':
      return define(state, command, at);
    case 'beginRollout':
      return beginRollout(state, command, at);
    case 'commitRollout':
      return commitRollout(state, command, at);
    case 'shiftTraffic':
      return shiftTraffic(state, command, at);
    case 'abortRollout':
      return abortRollout(state, command.lease, {
        asked: command.asked,
        at,
        tell: command.by === 'tag',
      });
    case 'renewLease':
      return renewLease(state, command, at);
    case 'approve':
      return approve(state, command, at);
    case 'reject':
      return reject(state, command, at);
    case 'withdraw':
      return withdraw(state, command, at);
    case 'freeze':
      return freeze(state, command, at);
    case 'unfreeze':
      return unfreeze(state, command, at);
    case 'retire':
      return retire(state, command, at);
    case 'beginShadow':
      return beginShadow(state, command, at);
    case 'endShadow':
      return endShadow(state, command, at);
    case 'noteTrigger':
      return noteTrigger(state, command, at);
    case 'releaseHost':
      return { state: releaseHost(state, command.host, command.asked.workflowId), result: null };
    case 'holdHost':
      return holdHost(state, command);
    case 'rollback':
      return leave(state, command, at);
    case 'demote':
      return demote(state, command, at);
    case 'quarantine':
      return quarantine(state, command, at);
    case 'release':
      return release(state, command, at);
    case 'repair':
      return repair(state, command.reason);
    case 'settle': {
      const { entry, state: settled } = settle(state, { ...command, at });
      return { state: settled, result: entry };
    }
  }
}

function leave(state: TagState, command: RollbackCommand, at: string): Outcome {
  const from = command.from ?? rollbackFrom(state);
  if (from === null)
    return refuse(
      'NoRollbackTarget',
      `expected a live model of ${state.tag} to leave, and nothing is live`,
    );
  return rollback(state, { ...command, from }, at);
}
