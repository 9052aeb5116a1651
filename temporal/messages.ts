import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ApprovalView } from './contracts/approval.js';
import type { LedgerEntry } from './contracts/ledger.js';
import type { Notice } from './contracts/notice.js';
import type {
  FreezeAllCommand,
  PlatformView,
  RegisterCommand,
  Registration,
  RegisteredTag,
  UnfreezeAllCommand,
} from './contracts/platform.js';
import type {
  ApplyPoolCommand,
  BookCommand,
  Booking,
  ExtendBookingCommand,
  FreeBookingCommand,
  PoolSpec,
  PoolView,
  Slot,
  TakeBookingCommand,
  TakenBooking,
} from './contracts/pool.js';
import type { Observation, ReconcileCommand, Reconciled } from './contracts/reconcile.js';
import type { FencedRoute, HostSpec } from './contracts/route.js';
import type { Admission, RunView } from './contracts/runs.js';
import type {
  ApplyOutcome,
  ApproveCommand,
  BeginRolloutCommand,
  BeginShadowCommand,
  DefineCommand,
  DefinitionView,
  DemoteCommand,
  EndShadowCommand,
  FreezeCommand,
  HoldHostCommand,
  LeaseCommand,
  LedgerPage,
  QuarantineCommand,
  ReleaseHostCommand,
  RenewedLease,
  RenewLeaseCommand,
  RetireCommand,
  RollbackCommand,
  RolloutGrant,
  ShiftTrafficCommand,
  TagView,
  TriggerCommand,
  UnfreezeCommand,
  WantedShadow,
} from './contracts/tag.js';

// Updates, not signals, wherever a caller needs the answer or a refusal.
export const define = defineUpdate<ApplyOutcome, [DefineCommand]>('define');
export const beginRollout = defineUpdate<RolloutGrant, [BeginRolloutCommand]>('beginRollout');
export const commitRollout = defineUpdate<LedgerEntry, [LeaseCommand]>('commitRollout');
export const abortRollout = defineUpdate<LedgerEntry | null, [LeaseCommand]>('abortRollout');
export const shiftTraffic = defineUpdate<LedgerEntry, [ShiftTrafficCommand]>('shiftTraffic');
export const renewLease = defineUpdate<RenewedLease, [RenewLeaseCommand]>('renewLease');
export const holdHost = defineUpdate<HostSpec, [HoldHostCommand]>('holdHost');
export const releaseHost = defineUpdate<null, [ReleaseHostCommand]>('releaseHost');
export const rollback = defineUpdate<LedgerEntry, [RollbackCommand]>('rollback');
export const demote = defineUpdate<LedgerEntry, [DemoteCommand]>('demote');
export const quarantine = defineUpdate<LedgerEntry, [QuarantineCommand]>('quarantine');
export const release = defineUpdate<LedgerEntry, [QuarantineCommand]>('release');
export const approve = defineUpdate<ApprovalView, [ApproveCommand]>('approve');
export const reject = defineUpdate<LedgerEntry, [ApproveCommand]>('reject');
export const withdraw = defineUpdate<LedgerEntry | null, [ApproveCommand]>('withdraw');
export const freeze = defineUpdate<LedgerEntry, [FreezeCommand]>('freeze');
export const unfreeze = defineUpdate<LedgerEntry, [UnfreezeCommand]>('unfreeze');
export const retire = defineUpdate<LedgerEntry, [RetireCommand]>('retire');
export const beginShadow = defineUpdate<LedgerEntry, [BeginShadowCommand]>('beginShadow');
export const endShadow = defineUpdate<LedgerEntry | null, [EndShadowCommand]>('endShadow');
export const noteTrigger = defineUpdate<null, [TriggerCommand]>('noteTrigger');

export const reconcile = defineUpdate<Reconciled, [ReconcileCommand]>('reconcile');

/** A finished run tells its tag, so that `status` can answer "and the last one?" without visibility. */
export const runEnded =
  defineSignal<[{ workflowId: string; decision: string | null; finishedAt: string }]>('runEnded');
/** To a rollout that waits: its ticket's time has come. It also asks on a timer, so a lost signal costs a minute. */
export const turn = defineSignal<[{ ticket: number }]>('turn');
/** To the run that a tag has news for. */
export const notice = defineSignal<[Notice]>('notice');

export const tagStatus = defineQuery<TagView>('status');
export const definition = defineQuery<DefinitionView | null>('definition');
/** The candidate in flight as its approvers see it; null when none has to be approved. */
export const approval = defineQuery<ApprovalView | null>('approval');
/** Who triggered or backfilled the slot of an instant. */
export const triggeredBy = defineQuery<string[], [string]>('triggeredBy');
/** What a run takes with it at its start; null before the first definition. */
export const admission = defineQuery<Admission | null>('admission');
export const ledger = defineQuery<LedgerPage, [{ before?: number; limit: number }]>('ledger');
/** What a command would be refused as; null when it would not. */
export type Objection = { type: string; message: string; details: Record<string, unknown> } | null;

/** What `beginRollout` would refuse now; null when nothing. Lets `promote` reject before a run is started. */
export const rolloutObjection = defineQuery<Objection, [BeginRolloutCommand]>('rolloutObjection');
/** What `reconcile` would find in an observation: of which kind, and in words. */
export const differences = defineQuery<
  { kind: string; what: string }[],
  [{ seen: Observation; adopt: boolean }]
>('differences');
/** What `beginShadow` would refuse now, or at the beginning of a window to come; null when nothing. */
export const shadowObjection = defineQuery<Objection, [WantedShadow]>('shadowObjection');
/** What `takeBooking` would refuse now; null when nothing. */
export const bookingObjection = defineQuery<
  Objection,
  [Omit<TakeBookingCommand, 'asked'> & { at: string }]
>('bookingObjection');
/** The route that the tag means, as far as it was read back; null while it is being written, or nobody knows what is in force. */
export const meantRoute = defineQuery<FencedRoute | null>('meantRoute');
export const runView = defineQuery<RunView>('status');

// Of a shadow run. Its absolute end, moved; or its window ended now, and judged by what there is.
export const extendShadow = defineUpdate<{ until: string }, [{ until: string; actor: string }]>(
  'extendShadow',
);
export const endShadowNow = defineUpdate<null, [{ reason: string; actor: string }]>('endShadowNow');

// Of a slot pool.
export const applyPool = defineUpdate<PoolSpec, [ApplyPoolCommand]>('applyPool');
export const book = defineUpdate<Booking, [BookCommand]>('book');
export const takeBooking = defineUpdate<Booking, [TakeBookingCommand]>('takeBooking');
export const extendBooking = defineUpdate<Booking, [ExtendBookingCommand]>('extendBooking');
export const freeBooking = defineUpdate<Booking, [FreeBookingCommand]>('freeBooking');
// A query is answered at the time of the workflow's last task, which may be long ago: who asks says what time it is.
export const poolStatus = defineQuery<PoolView, [{ at: string }]>('poolStatus');
/** Bookings that touch the range, earliest first. */
export const calendar = defineQuery<Booking[], [Slot & { at: string; limit: number }]>('calendar');
/** Bookings that a run has taken and that are not over. */
export const takenBookings = defineQuery<TakenBooking[], [{ at: string }]>('takenBookings');

// Of the platform's workflow.
export const freezeAll = defineUpdate<LedgerEntry, [FreezeAllCommand]>('freezeAll');
export const unfreezeAll = defineUpdate<LedgerEntry, [UnfreezeAllCommand]>('unfreezeAll');
export const register = defineUpdate<Registration, [RegisterCommand]>('register');
export const platformStatus = defineQuery<PlatformView>('platformStatus');
/** By name, after the one given. */
export const platformTags = defineQuery<RegisteredTag[], [{ after?: string; limit: number }]>(
  'platformTags',
);
export const platformLedger = defineQuery<LedgerPage, [{ before?: number; limit: number }]>(
  'platformLedger',
);
