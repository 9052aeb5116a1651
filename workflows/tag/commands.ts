import { condition, setHandler } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { ApplyOutcome, DemoteCommand, LeaseCommand, RollbackCommand, RolloutGrant } from '../../temporal/contracts/tag.js';
import * as messages from '../../temporal/messages.js';
import { rollbackFrom } from '../policy/tag/rollback.js';
import type { Command } from '../policy/tag/transition.js';
import { refusal, type Entity } from './entity.js';
import { scheduleWanted } from './lanes/schedule.js';

/** How long `define` waits for its schedule to be written; it is written all the same when that takes longer. */
const SCHEDULE_PATIENCE = '5s';

/** Registers every update of a tag. Each validator runs the same transition as its handler, so that a refusal costs nothing. */
export function handleCommands(entity: Entity): void {
  setHandler(messages.define, (command) => define(entity, { type: 'define', ...command }), {
    validator: (command) => { entity.admit('define', { type: 'define', ...command }); },
  });
  setHandler(messages.beginRollout, (command) => inTurn<RolloutGrant>(entity, { type: 'beginRollout', ...command }), {
    validator: (command) => { entity.admit('beginRollout', { type: 'beginRollout', ...command }); },
  });
  setHandler(messages.commitRollout, (command) => commit(entity, command), {
    validator: (command) => { entity.admit('commitRollout', { type: 'commitRollout', ...command }); },
  });
  setHandler(messages.abortRollout, (command) => inTurn<LedgerEntry | null>(entity, { type: 'abortRollout', ...command }), {
    validator: (command) => { entity.admit('abortRollout', { type: 'abortRollout', ...command }); },
  });
  setHandler(messages.renewLease, (command) => inTurn<string>(entity, { type: 'renewLease', ...command }), {
    validator: (command) => { entity.admit('renewLease', { type: 'renewLease', ...command }); },
  });
  setHandler(messages.releaseHost, (command) => inTurn<boolean>(entity, { type: 'releaseHost', ...command }), {
    validator: (command) => { entity.admit('releaseHost', { type: 'releaseHost', ...command }); },
  });
  setHandler(messages.quarantine, (command) => inTurn<LedgerEntry>(entity, { type: 'quarantine', ...command }), {
    validator: (command) => { entity.admit('quarantine', { type: 'quarantine', ...command }); },
  });
  setHandler(messages.release, (command) => inTurn<LedgerEntry>(entity, { type: 'release', ...command }), {
    validator: (command) => { entity.admit('release', { type: 'release', ...command }); },
  });
  handleUrgent(entity);
}

function handleUrgent(entity: Entity): void {
  setHandler(messages.rollback, (command) => rollback(entity, command), {
    validator: (command) => { entity.admit('rollback', { type: 'rollback', ...command }, true); },
  });
  setHandler(messages.demote, (command) => demote(entity, command), {
    validator: (command) => { entity.admit('demote', { type: 'demote', ...command }, true); },
  });
}

async function define(entity: Entity, command: Extract<Command, { type: 'define' }>): Promise<ApplyOutcome> {
  const outcome = await inTurn<ApplyOutcome>(entity, command);
  const settled = (): boolean => scheduleWanted(entity.state) === null;
  if (!settled()) await condition(settled, SCHEDULE_PATIENCE);
  return outcome;
}

/** Under the lock, so that a command never looks at a tag in the middle of a rollback. */
function inTurn<Result>(entity: Entity, command: Exclude<Command, { type: 'repair' | 'settle' }>): Promise<Result> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(() => Promise.resolve(entity.apply<Result>(command))),
  );
}

function commit(entity: Entity, command: LeaseCommand): Promise<LedgerEntry> {
  return entity.once('commitRollout', command.asked, () =>
    entity.lock.run(async () => {
      entity.apply({ type: 'commitRollout', ...command });
      return (await entity.carryOutPending()) ?? superseded(entity);
    }),
  );
}

/**
 * Takes its numbers synchronously, so that whatever is in flight is too late from this moment on, and then writes ahead of
 * everything that waits. Behind another rollback or demote it waits for that one to be settled first.
 */
function rollback(entity: Entity, command: RollbackCommand): Promise<LedgerEntry> {
  const from = command.from ?? rollbackFrom(entity.state);
  return urgent(entity, { type: 'rollback', ...command, ...(from !== null && { from }) });
}

function demote(entity: Entity, command: DemoteCommand): Promise<LedgerEntry> {
  return urgent(entity, { type: 'demote', ...command });
}

function urgent(entity: Entity, command: Extract<Command, { type: 'rollback' | 'demote' }>): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, async () => {
    const decide = (): LedgerEntry | null => entity.apply<LedgerEntry | null>(command);
    const behind = entity.state.intent?.soft === false;
    const early = behind ? undefined : { done: decide() };
    return entity.lock.runUrgent(async () => {
      const done = early ? early.done : decide();
      return done ?? (await entity.carryOutPending()) ?? superseded(entity);
    });
  });
}

function superseded(entity: Entity): never {
  throw refusal({ type: 'Superseded', message: `a newer command of ${entity.state.tag} took its place`, details: {} });
}
