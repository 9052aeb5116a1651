import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { RegisteredModel } from '../../temporal/contracts/model.js';
import type { ModelDefinition } from '../../temporal/contracts/definition.js';
import type { TrainResult } from '../../temporal/contracts/job.js';
import type { RecordedEvidence } from '../../temporal/contracts/runs.js';

export interface RunOpening {
  /** The idempotency key of the record: the workflow id and what the run's effects depend on. */
  key: string;
  /** What people see as the run's name. */
  workflowId: string;
  tag: string;
  kind: 'retrain' | 'evaluate' | 'shadow';
  /** Workflow time, ISO: fixed, so that a repeat writes the same. */
  startedAt: string;
  params: Record<string, unknown>;
  tags: Record<string, string>;
  /** JSON artifacts by path. */
  artifacts: Record<string, unknown>;
}

export interface OpenedRun {
  runId: string;
  experimentId: string;
}

export interface Registration {
  /** One version for it, however often it is asked for. */
  key: string;
  tag: string;
  runId: string;
  result: TrainResult;
  /** `modelyard.*` version tags, written in the create call. */
  tags: Record<string, string>;
}

/** Versions by alias; null: there is no such alias. */
export interface Aliases {
  champion: number | null;
  previous: number | null;
  challenger: number | null;
}

/** Aliases and version tags as they should stand, computed from the tag's newest state, never a replay. */
export interface Projection {
  tag: string;
  owner: string;
  tier: string;
  description: string | null;
  definition: ModelDefinition | null;
  definitionDigest: string | null;
  /** null: the alias must not exist. */
  aliases: Aliases;
  /** `modelyard.status` by version: 'champion', 'previous', 'challenger', 'retired', 'quarantined'. */
  statuses: Record<string, string>;
}

export interface MetricQuestion {
  runId: string;
  name: string;
}

export interface MetricPoint {
  value: number;
  /** ISO, in UTC, by the clock of whoever logged it. */
  at: string;
}

/** A record that was opened and not closed. */
export interface OpenRun {
  runId: string;
  tag: string;
  workflowId: string;
  /** ISO, in UTC. */
  startedAt: string;
}

/** The record of every step. Each method finds what an earlier attempt made before it makes anything. */
export interface Registry {
  /** The experiment and the registered model of the tag. */
  ensureModel(tag: string): Promise<{ experimentId: string }>;
  openRun(opening: RunOpening): Promise<OpenedRun>;
  /**
   * Tags, metrics and JSON artifacts of a later step; params are write-once. A metric is logged for the run's start, so that a
   * repeat adds no point. Repeats are harmless.
   */
  record(
    runId: string,
    step: {
      tags?: Record<string, string>;
      params?: Record<string, unknown>;
      metrics?: Record<string, number>;
      artifacts?: Record<string, unknown>;
    },
  ): Promise<void>;
  closeRun(
    runId: string,
    end: { status: 'FINISHED' | 'FAILED' | 'KILLED'; at: string; tags?: Record<string, string> },
  ): Promise<void>;
  registerVersion(registration: Registration): Promise<{ version: number }>;
  /** Sets version tags, e.g. the gate's verdict. */
  annotateVersion(tag: string, version: number, tags: Record<string, string>): Promise<void>;
  /** A registered version; UnknownModel when there is none. */
  resolve(tag: string, version: number): Promise<RegisteredModel>;
  /** Write-once at `ledger.<seq>`; the same entry again is fine, another one there is RegistryConflict. */
  journal(entries: LedgerEntry[]): Promise<void>;
  /** Entries with seq < before, newest first. */
  readJournal(tag: string, before: number, limit: number): Promise<LedgerEntry[]>;
  /** Makes aliases and version tags equal the projection and reads them back. */
  project(projection: Projection): Promise<void>;
  /** The aliases as they stand; all null for a tag the registry does not know. */
  aliases(tag: string): Promise<Aliases>;
  /** `modelyard.status` of every registered version, '' where there is none; empty for a tag the registry does not know. */
  statuses(tag: string): Promise<Record<string, string>>;
  /** The aliases of every tag of the platform, in few calls however many there are. */
  allAliases(): Promise<(Aliases & { tag: string })[]>;
  /** Runs of the platform that began before this instant (ISO) and were not closed, oldest first. */
  openRuns(startedBefore: string): Promise<OpenRun[]>;
  /**
   * The newest finite value of a metric on a run, by the time it was logged for, whatever its step; of several at that time
   * the one of the highest step. Values that are not finite are skipped. Null when there is none.
   */
  newestMetric(asked: MetricQuestion): Promise<MetricPoint | null>;
  /** Gate evidence of past retrains, oldest first. */
  readEvidence(tag: string, since: string | null): Promise<RecordedEvidence[]>;
}
