import type { LedgerEntry as LedgerRecord } from '../temporal/contracts/ledger.js';
import type {
  RolloutResult as RolloutRecord,
  RetrainResult as RetrainRecord,
} from '../temporal/contracts/runs.js';
import type { ShadowReport as ShadowRecord } from '../temporal/contracts/shadow.js';
import type { TagView } from '../temporal/contracts/tag.js';
import type {
  Decision,
  LedgerEntry,
  RetrainResult,
  RolloutResult,
  ShadowReport,
  TagStatus,
} from './types.js';

// Instants are ISO strings on the wire and in histories, and `Date` in results.

export function toLedgerEntry(record: LedgerRecord): LedgerEntry {
  return { ...record, at: new Date(record.at) };
}

export function toShadowReport(record: ShadowRecord): ShadowReport {
  const { from, until, extended } = record.window;
  return { ...record, window: { from: new Date(from), until: new Date(until), extended } };
}

export function toRolloutResult(record: RolloutRecord): RolloutResult {
  return {
    ...record,
    entry: record.entry && toLedgerEntry(record.entry),
    shadow: record.shadow && toShadowReport(record.shadow),
  };
}

export function toRetrainResult(record: RetrainRecord): RetrainResult {
  const { rolloutWorkflowId: _, ...result } = record;
  return {
    ...result,
    dataCutoff: new Date(record.dataCutoff),
    shadow: record.shadow && toShadowReport(record.shadow),
  };
}

export function toTagStatus(view: TagView, nextRetrain: Date | null): TagStatus {
  const { head: _, ...rest } = view;
  return {
    ...rest,
    liveSince: dateOrNull(view.liveSince),
    shadow: view.shadow && { ...view.shadow, until: new Date(view.shadow.until) },
    frozen: view.frozen && { ...view.frozen, until: dateOrNull(view.frozen.until) },
    retired: view.retired && { ...view.retired, at: new Date(view.retired.at) },
    lastRun: view.lastRun && {
      workflowId: view.lastRun.workflowId,
      decision: view.lastRun.decision as Decision | null,
      finishedAt: dateOrNull(view.lastRun.finishedAt),
    },
    nextRetrain,
  };
}

function dateOrNull(instant: string | null): Date | null {
  return instant === null ? null : new Date(instant);
}
