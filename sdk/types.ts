import type { EvaluationReport } from '../temporal/contracts/evaluation.js';
import type { GateReport, Verdict } from '../temporal/contracts/gate.js';
import type { LedgerEntry as LedgerRecord } from '../temporal/contracts/ledger.js';
import type {
  RolloutResult as RolloutRecord,
  RunKind,
  Decision,
  Stage,
} from '../temporal/contracts/runs.js';
import type { ScheduleSpec } from '../temporal/contracts/schedule.js';
import type { ShadowCheck, ShadowReport as ShadowRecord } from '../temporal/contracts/shadow.js';
import type { TagView } from '../temporal/contracts/tag.js';

export type { ModelDefinition } from '../temporal/contracts/definition.js';
export type { DataSource, RowFilter, TrainingSpec } from '../temporal/contracts/training.js';
export type { GatePolicy, GateReport, MetricRule, Verdict } from '../temporal/contracts/gate.js';
export type {
  LiveCheck,
  RolloutPolicy,
  ServingSpec,
  WindowSpec,
} from '../temporal/contracts/rollout.js';
export type { ShadowCheck, ShadowPolicy } from '../temporal/contracts/shadow.js';
export type { Decision, EvaluationReport, ScheduleSpec };

/** "<name>" or "<family>.<member>": the stable name callers use. */
export type ModelTag = string;
/** A tag, or '*' for every tag there is and will be. */
export type TagOrEvery = string;
/** "<tag>/<registry version>": one immutable model. */
export type ModelId = string;

export interface ChangeOptions {
  /** 1 to 400 characters, kept in the ledger. */
  reason: string;
  /** Same key, same request: the first answer again. Same key, other request: IdempotencyConflictError. */
  idempotencyKey?: string;
}
export interface PromoteOptions extends ChangeOptions {
  /** The version the caller believes is live; another one: LiveChangedError. */
  expectedLive?: number | null;
  /** Why a model without a passed gate against the live one may go live; stands out in the ledger. */
  override?: string;
  /** Needs a signer whose key is listed for it; asks for no approval and passes over change windows, never over the digest. */
  breakGlass?: true;
}
export interface ApproveOptions {
  /** 1 to 400 characters, kept with the approval. @default 'approved' */
  comment?: string;
}
export interface CommentOptions {
  /** 1 to 400 characters, kept in the ledger. */
  comment: string;
}
export interface FreezeOptions extends ChangeOptions {
  /** When it ends by itself. @default when it is lifted */
  until?: Date;
}
export interface DemoteOptions extends ChangeOptions {
  /** @default 'previous' */
  to?: 'previous' | 'none';
}
export interface RollbackOptions extends ChangeOptions {
  /** The model to leave. @default the candidate of a running rollout if there is one, else the live model */
  from?: number;
  /** @default 'previous' */
  to?: 'previous' | number | Date;
}
export interface RetrainOptions {
  /** Data cut-off. @default now */
  asOf?: Date;
  /** Shallow over the definition's: a key replaces, null removes; 64 KiB after merging. */
  params?: Record<string, unknown>;
  /** Overrides the gate's for this run, downwards only. */
  autoPromote?: boolean;
  idempotencyKey?: string;
  reason?: string;
}
/** What is absent is the definition's, or its default. */
export interface ShadowOptions extends ChangeOptions {
  /** @default now; later: booked ahead */
  from?: Date;
  /** At most 30 days after `from`. Either this or `duration`. */
  until?: Date;
  duration?: string;
  /** Of the requests, more than 0 and at most 100. */
  samplingPercent?: number;
  pool?: string;
  /** Fewer compared with the live model: the window is as long again, once, and then 'inconclusive'. */
  minRequests?: number;
  checks?: ShadowCheck[];
  /** @default one that was booked for the version and has the window in it, else a new one */
  bookingId?: string;
}
export interface EvaluateOptions {
  holdout?: { from: Date; until: Date };
  /** A model id, 'live' or 'none'. @default 'live' */
  against?: ModelId;
  idempotencyKey?: string;
  reason?: string;
}

export interface ApplyResult {
  tag: ModelTag;
  digest: string;
  changed: boolean;
  diff: { path: string; from: unknown; to: unknown }[];
}

export interface LedgerEntry extends Omit<LedgerRecord, 'at'> {
  at: Date;
}
/** The end of a tag's ledger, for an auditor to keep elsewhere. */
export interface LedgerHead {
  tag: ModelTag;
  seq: number;
  hash: string;
  at: Date;
  /** Base64 of an Ed25519 signature by the platform's key; null: it has none. */
  signature: string | null;
}
export interface VerifyOptions {
  /** A head that was kept: the ledger must lead through it. */
  head?: LedgerHead;
  /** The platform's, PEM '-----BEGIN PUBLIC KEY-----': the head must be signed by it. */
  publicKey?: string;
}
export interface ShadowReport extends Omit<ShadowRecord, 'window'> {
  window: { from: Date; until: Date; extended: boolean };
}
export interface RetrainResult {
  tag: ModelTag;
  modelId: ModelId | null;
  decision: Decision;
  gate: GateReport | null;
  shadow: ShadowReport | null;
  incumbent: ModelId | null;
  codeRevision: string;
  codeDigest: string;
  dataCutoff: Date;
  reason: string;
  registryRunId: string;
}
export interface RolloutResult extends Omit<RolloutRecord, 'entry' | 'shadow'> {
  entry: LedgerEntry | null;
  shadow: ShadowReport | null;
}

export interface RunStatus {
  workflowId: string;
  kind: RunKind;
  tag: ModelTag;
  state: 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
  stage: string;
  stages: {
    name: string;
    state: Stage['state'];
    startedAt?: Date;
    finishedAt?: Date;
    /** Of the time since its start: waited for people, a turn or a window. */
    waitedMs?: number;
    /** The rest of it, once the stage has ended. */
    workedMs?: number;
    /** While the stage's job waits or runs: where that stood some seconds ago. A change of this alone is none for `watch`. */
    detail?: string;
  }[];
  waitingFor?: {
    what: 'approval' | 'turn' | 'window' | 'slot';
    until?: Date;
    need?: number;
    have?: number;
  };
  startedAt: Date;
  finishedAt?: Date;
}

/** A run that was started, here or elsewhere; survives the process that holds it. */
export interface RunHandle<Result> {
  readonly kind: RunKind;
  readonly workflowId: string;
  /** In the Temporal Web UI, when its address is known. */
  readonly url: string | null;
  status(): Promise<RunStatus>;
  /** Rejects with IntegrityError, RunCancelledError or RunFailedError when the run ended badly. */
  result(): Promise<Result>;
  /** Resolves when compensation is done; on an ended run it does nothing. */
  cancel(reason: string): Promise<void>;
  /** Every change of the status until the run ends. */
  watch(): AsyncIterable<RunStatus>;
}
/**
 * The actor is the platform's, or the signer's key: SelfApprovalError when it asked for the run, ApprovalRefusedError for
 * what else stands against it.
 */
export interface Approvable {
  approve(options?: ApproveOptions): Promise<void>;
  /** One word is enough: the candidate goes. */
  reject(options: CommentOptions): Promise<void>;
  /** Takes an own approval back; of a model that carries traffic, or is live, it starts a rollback. */
  withdraw(options: CommentOptions): Promise<void>;
}
/** `result()` and the stages follow the run to its rollout's commit, or other end. */
export interface RetrainHandle extends RunHandle<RetrainResult>, Approvable {
  readonly kind: 'retrain';
  /** As soon as it is judged. */
  gate(): Promise<GateReport>;
  /** null when nothing is rolled out. */
  rollout(): Promise<RolloutHandle | null>;
}
/** `result()` is the report, also of a window that failed its checks or was cut short. */
export interface ShadowHandle extends RunHandle<ShadowReport> {
  readonly kind: 'shadow';
  /** Moves the end of an open window, later or earlier, at most 30 days from its beginning; NoSlotError without room. */
  extend(options: { until: Date }): Promise<{ until: Date }>;
  /** Ends an open window now, to be judged by what there is; of a run that has ended, no effect. */
  end(options: { reason: string }): Promise<void>;
}
/** `result()` includes the watch. */
export interface RolloutHandle extends RunHandle<RolloutResult>, Approvable {
  readonly kind: 'rollout';
  /** The ledger's entry once the candidate is live; rejects when the run ended uncommitted. */
  committed(): Promise<LedgerEntry>;
}

export interface TagStatus extends Omit<
  TagView,
  'liveSince' | 'shadow' | 'frozen' | 'retired' | 'head' | 'lastRun'
> {
  liveSince: Date | null;
  shadow: { modelId: ModelId; until: Date; workflowId: string } | null;
  frozen: { by: string; reason: string; until: Date | null } | null;
  /** Out of service until a definition is applied again. */
  retired: { by: string; reason: string; at: Date } | null;
  /** The nominal time of the next slot, which is its data cut-off; `spread` delays the start, not the slot. */
  nextRetrain: Date | null;
  lastRun: { workflowId: string; decision: Decision | null; finishedAt: Date | null } | null;
}

export interface ScheduleStatus {
  id: string;
  tag: ModelTag | null;
  spec: ScheduleSpec;
  paused: { reason: string } | null;
  /** Nominal times of the next slots. */
  next: Date[];
  recent: { scheduledAt: Date; startedAt: Date; workflowId: string }[];
  /** Slots that were older than `catchUp` when Temporal could have started them. */
  missed: number;
  /** Slots that were not started because the one before was still running. */
  skipped: number;
}

export interface ReconcileOptions {
  /** Reports only. */
  dryRun?: boolean;
}
export interface ReconcileReport {
  /** At most 200. `tag` '*': something of no tag alone. `repaired`: it has been put right and read back. */
  findings: { tag: ModelTag; what: string; repaired: boolean }[];
}

export interface SimulationReport {
  decisions: {
    runId: string;
    at: Date;
    actual: Decision | null;
    would: Verdict;
    reasons: string[];
  }[];
  changed: number;
}

export type ScoreInput =
  | { dataframe_split: { columns: string[]; data: unknown[][] } }
  | { dataframe_records: Record<string, unknown>[] }
  | { inputs: unknown }
  | { instances: unknown[] };
export interface ScoreOutput {
  predictions: unknown[];
  modelId: ModelId;
  requestId: string;
}
