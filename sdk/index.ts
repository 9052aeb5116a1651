/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The life of machine-learning models on Temporal: retrain, evaluate, gate, promote, roll back.
 *
 * ```ts
 * import { Platform } from 'modelyard';
 *
 * await using platform = await Platform.connect();
 * await platform.models.apply({ file: 'modelyard.json' });
 * const run = await platform.retrain('flight-delay');
 * const { decision, modelId } = await run.result();
 * ```
 *
 * @module
 */
export { defineModel } from './definition-source.js';
export {
  ApprovalRefusedError,
  BusyError,
  ConfigError,
  FrozenError,
  IdempotencyConflictError,
  IntegrityError,
  InvalidDefinitionError,
  InvalidRequestError,
  LiveChangedError,
  ModelyardError,
  NoRollbackTargetError,
  NoSlotError,
  QuarantinedError,
  RunCancelledError,
  RunFailedError,
  SelfApprovalError,
  UnavailableError,
  UnknownModelError,
  UnknownRunError,
  UnknownTagError,
} from './errors.js';
export type { Issue } from './errors.js';
export type { Models, ListModelsOptions } from './models.js';
export type { PlatformOptions } from './options.js';
export { Platform } from './platform.js';
export type { ListRunsOptions, Runs } from './runs.js';
export type { Schedules } from './schedules.js';
export type { ShadowBooking, ShadowPool, ShadowPools, ShadowPoolStatus } from './shadow-pools.js';
export type { Signer } from './signer.js';
export type {
  Approvable,
  ApplyResult,
  ApproveOptions,
  ChangeOptions,
  CommentOptions,
  DataSource,
  Decision,
  DemoteOptions,
  EvaluateOptions,
  FreezeOptions,
  EvaluationReport,
  GatePolicy,
  GateReport,
  LedgerEntry,
  LedgerHead,
  LiveCheck,
  MetricRule,
  ModelDefinition,
  ModelId,
  ModelTag,
  PromoteOptions,
  ReconcileOptions,
  ReconcileReport,
  RetrainHandle,
  RetrainOptions,
  RetrainResult,
  RollbackOptions,
  RolloutHandle,
  RolloutPolicy,
  RolloutResult,
  RowFilter,
  RunHandle,
  RunStatus,
  ScheduleSpec,
  ScheduleStatus,
  ScoreInput,
  ScoreOutput,
  ServingSpec,
  ShadowCheck,
  ShadowHandle,
  ShadowOptions,
  ShadowPolicy,
  ShadowReport,
  SimulationReport,
  TagOrEvery,
  TagStatus,
  TrainingSpec,
  Verdict,
  VerifyOptions,
  WindowSpec,
} from './types.js';
