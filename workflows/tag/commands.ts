import { CancellationScope, condition, isCancellation, setHandler } from '@temporalio/workflow';
import type { ApprovalView } from '../../temporal/contracts/approval.js';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import type {
  ApplyOutcome,
  Asked,
  RenewedLease,
  RolloutGrant,
} from '../../temporal/contracts/tag.js';
import * as messages from '../../temporal/messages.js';
import { rollbackFrom } from '../policy/tag/rollback.js';
import type { Command } from '../policy/tag/transition.js';
import { authorized, identified } from './authority.js';
import { refusal, type Entity } from './entity.js';
import { scheduleWanted } from './lanes/schedule.js';
import { handleReconcile } from './reconcile.js';
import { insideWindows } from './windows.js';

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
  setHandler(messages.beginRollout, taking('beginRollout', begin), check('beginRollout'));
  setHandler(messages.shiftTraffic, taking('shiftTraffic', move), check('shiftTraffic'));
  setHandler(messages.commitRollout, taking('commitRollout', move), check('commitRollout'));
  setHandler(messages.abortRollout, taking('abortRollout', ended), check('abortRollout'));
  setHandler(messages.renewLease, taking('renewLease', inTurn<RenewedLease>), check('renewLease'));
  setHandler(messages.holdHost, taking('holdHost', hold), check('holdHost'));
  setHandler(messages.releaseHost, taking('releaseHost', inTurn<null>), check('releaseHost'));
  setHandler(messages.approve, taking('approve', approve), check('approve'));
  setHandler(messages.reject, taking('reject', reject), check('reject'));
  setHandler(messages.withdraw, taking('withdraw', withdraw), check('withdraw'));
  setHandler(messages.freeze, taking('freeze', inTurn<LedgerEntry>), check('freeze'));
  setHandler(messages.unfreeze, taking('unfreeze', inTurn<LedgerEntry>), check('unfreeze'));
  setHandler(messages.quarantine, taking('quarantine', quarantine), check('quarantine'));
  setHandler(messages.release, taking('release', inTurn<LedgerEntry>), check('release'));
  setHandler(messages.beginShadow, taking('beginShadow', written), check('beginShadow'));
  setHandler(messages.endShadow, taking('endShadow', ended), check('endShadow'));
  setHandler(messages.noteTrigger, taking('noteTrigger', inTurn<null>), check('noteTrigger'));
  setHandler(messages.rollback, taking('rollback', rollback), check('rollback'));
  setHandler(messages.demote, taking('demote', urgent), check('demote'));
  setHandler(messages.retire, taking('retire', urgent), check('retire'));
  handleReconcile(entity);
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

/** Answered when the host that was going is gone: what the run made before would go with it. */
function hold(entity: Entity, command: Given<'holdHost'>): Promise<HostSpec> {
  return entity.once(command.type, command.asked, async () => {
    const host = await entity.lock.run(() => Promise.resolve(entity.apply(command) as HostSpec));
    await condition(() => entity.retiring !== host.name);
    return host;
  });
}

/** A rollout begins as the worker authorizes it, and takes the place of another one once that one's traffic is off. */
function begin(entity: Entity, command: Given<'beginRollout'>): Promise<RolloutGrant> {
  return entity.once(command.type, command.asked, async () => {
    const known = await authorized(entity.state, command);
    return entity.lock.run(async () => {
      const grant = entity.apply(known) as RolloutGrant;
      if (entity.state.intent !== null) await quietly(entity);
      return grant;
    });
  });
}

/** A step towards the candidate: inside the change windows only, and done when it has been read back. */
function move(
  entity: Entity,
  command: Given<'shiftTraffic' | 'commitRollout'>,
): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(async () => {
      await insideWindows(entity.state).catch(unlessOvertaken(entity));
      return write(entity, command);
    }),
  );
}

function written(entity: Entity, command: Given<'beginShadow'>): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(() => write(entity, command)),
  );
}

async function write(entity: Entity, command: Given<Kind>): Promise<LedgerEntry> {
  entity.apply(command);
  return (await entity.carryOutPending()) ?? overtaken(entity);
}

/** A look at the windows that is cut short was cut short by a rollback that goes ahead. */
const unlessOvertaken =
  (entity: Entity) =>
  (error: unknown): never => {
    if (isCancellation(error)) overtaken(entity);
    throw error;
  };

/** Only a rollback, a demotion or a retirement goes ahead of a write, and each of them has taken the lease. */
function overtaken({ state: { tag } }: Entity): never {
  throw refusal({
    type: 'LeaseLost',
    message: `a rollback or a demotion of ${tag} went ahead of this step`,
    details: {},
  });
}

/** The candidate's lease, or its mirror, is gone at once; a route that cannot be written now is the repair lane's. */
function ended(
  entity: Entity,
  command: Given<'abortRollout' | 'endShadow'>,
): Promise<LedgerEntry | null> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(() => {
      const entry = entity.apply(command) as LedgerEntry | null;
      return entity.state.intent === null ? Promise.resolve(entry) : quietly(entity);
    }),
  );
}

/** A candidate that carries traffic is taken off it; the entry that is answered is the quarantine's. */
function quarantine(entity: Entity, command: Given<'quarantine'>): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, () =>
    entity.lock.run(async () => {
      const entry = entity.apply(command) as LedgerEntry;
      if (entity.state.intent !== null) await quietly(entity);
      return entry;
    }),
  );
}

/** Carries out the write that the command just decided on. What has been decided holds also when it fails. */
async function quietly(entity: Entity): Promise<LedgerEntry | null> {
  try {
    return await entity.carryOutPending();
  } catch (error) {
    if (isCancellation(error)) throw error;
    return entity.state.tail.at(-1) ?? null;
  }
}

function approve(entity: Entity, command: Given<'approve'>): Promise<ApprovalView> {
  return entity.once(command.type, command.asked, async () => {
    const known = await identified(entity.state, 'approve', command);
    return entity.lock.run(() => Promise.resolve(entity.apply(known) as ApprovalView));
  });
}

function reject(entity: Entity, command: Given<'reject'>): Promise<LedgerEntry> {
  return entity.once(command.type, command.asked, async () => {
    const known = await identified(entity.state, 'reject', command);
    return entity.lock.run(() => Promise.resolve(entity.apply(known) as LedgerEntry));
  });
}

function withdraw(entity: Entity, command: Given<'withdraw'>): Promise<LedgerEntry | null> {
  return entity.once(command.type, command.asked, async () =>
    ahead(entity, await identified(entity.state, 'withdraw', command)),
  );
}

/** The model to leave is fixed on arrival, not when the turn comes. */
function rollback(entity: Entity, command: Given<'rollback'>): Promise<LedgerEntry> {
  const from = command.from ?? rollbackFrom(entity.state);
  return urgent(entity, { ...command, ...(from !== null && { from }) });
}

function urgent(
  entity: Entity,
  command: Given<'rollback' | 'demote' | 'retire'>,
): Promise<LedgerEntry> {
  return entity.once(
    command.type,
    command.asked,
    async () => (await ahead(entity, command)) ?? superseded(entity),
  );
}

/**
 * Takes its numbers synchronously, so that whatever is in flight is too late from this moment on, and then writes ahead of
 * everything that waits. Behind another rollback or demote it waits for that one to be settled first.
 */
async function ahead(
  entity: Entity,
  command: Given<'rollback' | 'demote' | 'retire' | 'withdraw'>,
): Promise<LedgerEntry | null> {
  const decide = (): LedgerEntry | null => entity.apply(command) as LedgerEntry | null;
  const before = entity.state.intent;
  const behind = before?.soft === false;
  const early = behind ? null : decide();
  // Nothing of its own to write, so nobody has to make way.
  if (!behind && (early !== null || entity.state.intent === before)) return early;
  return entity.lock.runUrgent(async () => {
    const done = behind ? decide() : null;
    return done ?? (await entity.carryOutPending());
  });
}

function superseded(entity: Entity): never {
  throw refusal({
    type: 'Superseded',
    message: `a newer command of ${entity.state.tag} took its place`,
    details: {},
  });
}
