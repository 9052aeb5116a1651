import type {
  BeginRolloutCommand,
  DefineCommand,
  DemoteCommand,
  LeaseCommand,
  QuarantineCommand,
  ReleaseHostCommand,
  RollbackCommand,
} from '../../../temporal/contracts/tag.js';
import { define } from './define.js';
import { releaseHost } from './hosts.js';
import { quarantine, release } from './quarantine.js';
import { repair } from './repair.js';
import { demote, rollback, rollbackFrom } from './rollback.js';
import { abortRollout, beginRollout, commitRollout, renewLease } from './rollout.js';
import { settle, type Settlement } from './settle.js';
import { refuse, type Outcome, type TagState } from './state.js';

/** Everything that can happen to a tag. */
export type Command =
  | ({ type: 'define' } & DefineCommand)
  | ({ type: 'beginRollout' } & BeginRolloutCommand)
  | ({ type: 'commitRollout' } & LeaseCommand)
  | ({ type: 'abortRollout' } & LeaseCommand)
  | ({ type: 'renewLease' } & LeaseCommand)
  | ({ type: 'releaseHost' } & ReleaseHostCommand)
  | ({ type: 'rollback' } & RollbackCommand)
  | ({ type: 'demote' } & DemoteCommand)
  | ({ type: 'quarantine' } & QuarantineCommand)
  | ({ type: 'release' } & QuarantineCommand)
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
      return commitRollout(state, command.lease, command.asked);
    case 'abortRollout':
      return abortRollout(state, command.lease, { asked: command.asked, at });
    case 'renewLease':
      return renewLease(state, command.lease, at);
    case 'releaseHost':
      return { state: releaseHost(state, command.host), result: null };
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
