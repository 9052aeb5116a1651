import { CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { ApplyOutcome, Asked, RolloutGrant } from '../../temporal/contracts/tag.js';
import * as messages from '../../temporal/messages.js';
import { rollbackFrom } from '../policy/tag/rollback.js';
import type { Command } from '../policy/tag/transition.js';
import { refusal, type Entity } from './entity.js';
import { scheduleWanted } from './lanes/schedule.js';

/** How long `define` waits for its schedule to be written; it is written all the same when that takes longer. */
const SCHEDULE_PATIENCE = '5s';

type Kind = Exclude<Command['type'], 'repair' | 'settle'>;
type Given<Type extends Kind> = Extract<Command, { type: Type }>;
type Fields<Type extends Kind> = Omit<Given<Type>, 'type'>;

/** Registers every update of a tag. A validator runs the same transition as its handler, so that a refusal leaves no trace. */
export function handleCommands(entity: Entity): void {
  const check = <Type extends Kind>(type: Type) => ({
    validator: (fields: Fields<Type>): void => {
      entity.admit({ type, ...fields } as Given<Type> & { asked: Asked });
    },
  });
  const taking =
    <Type extends Kind, Result>(
      type: Type,
      handle: (entity: Entity, command: Given<Type>) => Promise<Result>,
    ) =>
    (fields: Fields<Type>): Promise<Result> =>
      // A tag is not cancelled: what it was asked to do it does.
      CancellationScope.nonCancellable(() => handle(entity, { type, ...fields } as Given<Type>));

  setHandler(messages.define, taking('define', define), check('define'));
  setHandler(
    messages.beginRollout,
    taking('beginRollout', inTurn<RolloutGrant>),
    check('beginRollout'),
  );
  setHandler(messages.commitRollout, taking('commitRollout', commit), check('commitRollout'));
  setHandler(
    messages.abortRollout,
    taking('abortRollout', inTurn<LedgerEntry | null>),
    check('abortRollout'),
  );
  setHandler(messages.renewLease, taking('renewLease', inTurn<string>), check('renewLease'));
  setHandler(messages.releaseHost, taking('releaseHost', inTurn<null>), check('releaseHost'));
  setHandler(messages.quarantine, taking('quarantine', inTurn<LedgerEntry>), check('quarantine'));
  setHandler(messages.release, taking('release', inTurn<LedgerEntry>), check('release'));
  setHandler(messages.rollback, taking('rollback', rollback), check('rollback'));
  setHandler(messages.demote, taking('demote', urgent), check('demote'));
}

async function define(entity: Entity, command: Given<'define'>): Promise<ApplyOutcome> {
  const outcome = await inTurn<ApplyOutcome>(entity, command);
  const settled = (): boolean => scheduleWanted(entity.state) === null;
  if (!settled()) await condition(settled, SCHEDULE_PATIENCE);
  return outcome;
}

/** Under the lock, so that a command never looks at a tag in the middle of a rollback. */
function inTurn<Result>(entity: Entity, command: Given<Kind>): Promise<Result> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(() => Promise.resolve(entity.apply(command) as Result)),
  );
}

function commit(entity: Entity, command: Given<'commitRollout'>): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(async () => {
      entity.apply(command);
      return (await entity.carryOutPending()) ?? superseded(entity);
    }),
  );
}

/** The model to leave is fixed on arrival, not when the turn comes. */
function rollback(entity: Entity, command: Given<'rollback'>): Promise<LedgerEntry> {
  const from = command.from ?? rollbackFrom(entity.state);
  return urgent(entity, { ...command, ...(from !== null && { from }) });
}

/**
 * Takes its numbers synchronously, so that whatever is in flight is too late from this moment on, and then writes ahead of
 * everything that waits. Behind another rollback or demote it waits for that one to be settled first.
 */
function urgent(entity: Entity, command: Given<'rollback' | 'demote'>): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, async () => {
    const decide = (): LedgerEntry | null => entity.apply(command) as LedgerEntry | null;
    const behind = entity.state.intent?.soft === false;
    const early = behind ? null : decide();
    // Nothing to write, so nobody has to make way.
    if (early !== null) return early;
    return entity.lock.runUrgent(async () => {
      const done = behind ? decide() : null;
      return done ?? (await entity.carryOutPending()) ?? superseded(entity);
    });
  });
}

function superseded(entity: Entity): never {
  throw refusal({
    type: 'Superseded',
    message: `a newer command of ${entity.state.tag} took its place`,
    details: {},
  });
}
