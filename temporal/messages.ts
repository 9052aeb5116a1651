import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { LedgerEntry } from './contracts/ledger.js';
import type { Admission, RunView } from './contracts/runs.js';
import type {
  ApplyOutcome,
  BeginRolloutCommand,
  DefineCommand,
  DefinitionView,
  DemoteCommand,
  LeaseCommand,
  LedgerPage,
  QuarantineCommand,
  ReleaseHostCommand,
  RollbackCommand,
  RolloutGrant,
  TagView,
} from './contracts/tag.js';

// Updates, not signals, wherever a caller needs the answer or a refusal.
export const define = defineUpdate<ApplyOutcome, [DefineCommand]>('define');
export const beginRollout = defineUpdate<RolloutGrant, [BeginRolloutCommand]>('beginRollout');
export const commitRollout = defineUpdate<LedgerEntry, [LeaseCommand]>('commitRollout');
export const abortRollout = defineUpdate<LedgerEntry | null, [LeaseCommand]>('abortRollout');
export const renewLease = defineUpdate<string, [LeaseCommand]>('renewLease');
export const releaseHost = defineUpdate<null, [ReleaseHostCommand]>('releaseHost');
export const rollback = defineUpdate<LedgerEntry, [RollbackCommand]>('rollback');
export const demote = defineUpdate<LedgerEntry, [DemoteCommand]>('demote');
export const quarantine = defineUpdate<LedgerEntry, [QuarantineCommand]>('quarantine');
export const release = defineUpdate<LedgerEntry, [QuarantineCommand]>('release');

/** A finished run tells its tag, so that `status` can answer "and the last one?" without visibility. */
export const runEnded =
  defineSignal<[{ workflowId: string; decision: string | null; finishedAt: string }]>('runEnded');
/** To a rollout that waits: its ticket's time has come. It also asks on a timer, so a lost signal costs a minute. */
export const turn = defineSignal<[{ ticket: number }]>('turn');

export const tagStatus = defineQuery<TagView>('status');
export const definition = defineQuery<DefinitionView | null>('definition');
/** What a run takes with it at its start; null before the first definition. */
export const admission = defineQuery<Admission | null>('admission');
export const ledger = defineQuery<LedgerPage, [{ before?: number; limit: number }]>('ledger');
/** What `beginRollout` would refuse now; null when nothing. Lets `promote` reject before a run is started. */
export const rolloutObjection = defineQuery<
  { type: string; message: string; details: Record<string, unknown> } | null,
  [BeginRolloutCommand]
>('rolloutObjection');
export const runView = defineQuery<RunView>('status');
