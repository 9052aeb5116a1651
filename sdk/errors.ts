import { brand } from './error-brand.js';

export interface Issue {
  /** Dotted path of the field, e.g. 'training.features[2]'. */
  path: string;
  message: string;
}

type Dependency =
  'temporal' | 'worker' | 'mlflow' | 'artifacts' | 'gateway' | 'kubernetes' | 'sagemaker';
type ApprovalRefusal =
  | 'not-waiting'
  | 'expired'
  | 'already-decided'
  | 'not-an-approver'
  | 'other-candidate'
  | 'unsigned';

/** The base of every error a promise of this package rejects with; `code` tells the classes apart in logs and JSON. */
export class ModelyardError extends Error {
  readonly code: string;
  constructor(message: string, options: ErrorOptions & { code?: string } = {}) {
    super(message, options);
    this.code = options.code ?? 'Modelyard';
  }
}

/** Thrown when a setting is missing or malformed; the message names the option and the environment variable. */
export class ConfigError extends ModelyardError {
  override readonly code = 'Config';
}

/** Thrown when a definition cannot be accepted; `issues` names every field at once. */
export class InvalidDefinitionError extends ModelyardError {
  override readonly code = 'InvalidDefinition';
  readonly issues: Issue[];
  constructor(message: string, issues: Issue[], options?: ErrorOptions) {
    super(message, options);
    this.issues = issues;
  }
}

/** Thrown when a call's arguments cannot be accepted; nothing was started. */
export class InvalidRequestError extends ModelyardError {
  override readonly code = 'InvalidRequest';
  readonly issues: Issue[];
  constructor(message: string, issues: Issue[], options?: ErrorOptions) {
    super(message, options);
    this.issues = issues;
  }
}

/** Thrown when no definition was applied for the tag. */
export class UnknownTagError extends ModelyardError {
  override readonly code = 'UnknownTag';
  readonly tag: string;
  constructor(message: string, tag: string, options?: ErrorOptions) {
    super(message, options);
    this.tag = tag;
  }
}

/** Thrown when the registry has no such version of the tag. */
export class UnknownModelError extends ModelyardError {
  override readonly code = 'UnknownModel';
  readonly modelId: string;
  constructor(message: string, modelId: string, options?: ErrorOptions) {
    super(message, options);
    this.modelId = modelId;
  }
}

/** Thrown when another model is live than the caller expected. */
export class LiveChangedError extends ModelyardError {
  override readonly code = 'LiveChanged';
  readonly expected: string | null;
  readonly actual: string | null;
  constructor(
    message: string,
    live: { expected: string | null; actual: string | null },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.expected = live.expected;
    this.actual = live.actual;
  }
}

/** Thrown when another candidate is in flight and the definition's `whenBusy` is 'reject'. */
export class BusyError extends ModelyardError {
  override readonly code = 'Busy';
  readonly workflowId: string;
  constructor(message: string, workflowId: string, options?: ErrorOptions) {
    super(message, options);
    this.workflowId = workflowId;
  }
}

/** Thrown when the tag, or the whole platform, is frozen. */
export class FrozenError extends ModelyardError {
  override readonly code = 'Frozen';
  readonly by: string;
  readonly until: Date | null;
  constructor(message: string, freeze: { by: string; until: Date | null }, options?: ErrorOptions) {
    super(message, options);
    this.by = freeze.by;
    this.until = freeze.until;
  }
}

/** Thrown when the version is kept from being promoted until it is released. */
export class QuarantinedError extends ModelyardError {
  override readonly code = 'Quarantined';
  readonly modelId: string;
  constructor(message: string, modelId: string, options?: ErrorOptions) {
    super(message, options);
    this.modelId = modelId;
  }
}

/** Thrown when no earlier model is left to go back to. */
export class NoRollbackTargetError extends ModelyardError {
  override readonly code = 'NoRollbackTarget';
}

/** Thrown when a shadow pool is full in the window asked for. */
export class NoSlotError extends ModelyardError {
  override readonly code = 'NoSlot';
  readonly nextFree: Date;
  constructor(message: string, nextFree: Date, options?: ErrorOptions) {
    super(message, options);
    this.nextFree = nextFree;
  }
}

/** Thrown when the actor that asked for a run tries to approve it. */
export class SelfApprovalError extends ModelyardError {
  override readonly code = 'SelfApproval';
}

/** Thrown when an idempotency key comes again with another request. */
export class IdempotencyConflictError extends ModelyardError {
  override readonly code = 'IdempotencyConflict';
  readonly idempotencyKey: string;
  constructor(message: string, idempotencyKey: string, options?: ErrorOptions) {
    super(message, options);
    this.idempotencyKey = idempotencyKey;
  }
}

/** Thrown when an artifact's digest is not the one recorded. */
export class IntegrityError extends ModelyardError {
  override readonly code = 'Integrity';
  readonly expected: string;
  readonly actual: string;
  constructor(
    message: string,
    digests: { expected: string; actual: string },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.expected = digests.expected;
    this.actual = digests.actual;
  }
}

/** Thrown when an approval, rejection or withdrawal does not apply; `reason` says why. */
export class ApprovalRefusedError extends ModelyardError {
  override readonly code = 'ApprovalRefused';
  readonly reason: ApprovalRefusal;
  constructor(message: string, reason: ApprovalRefusal, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Thrown when no run of that workflow id is known. */
export class UnknownRunError extends ModelyardError {
  override readonly code = 'UnknownRun';
  readonly workflowId: string;
  constructor(message: string, workflowId: string, options?: ErrorOptions) {
    super(message, options);
    this.workflowId = workflowId;
  }
}

/** Thrown by a run's result when the run was cancelled or terminated. */
export class RunCancelledError extends ModelyardError {
  override readonly code = 'RunCancelled';
  readonly workflowId: string;
  constructor(message: string, workflowId: string, options?: ErrorOptions) {
    super(message, options);
    this.workflowId = workflowId;
  }
}

/** Thrown by a run's result when the run failed; the message contains the user's own exception. */
export class RunFailedError extends ModelyardError {
  override readonly code = 'RunFailed';
  readonly workflowId: string;
  readonly stage: string;
  readonly failureType: string;
  constructor(
    message: string,
    run: { workflowId: string; stage: string; failureType: string },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.workflowId = run.workflowId;
    this.stage = run.stage;
    this.failureType = run.failureType;
  }
}

/** Thrown when something the call needs does not answer in time; the same call with the same key may be made again. */
export class UnavailableError extends ModelyardError {
  override readonly code = 'Unavailable';
  readonly dependency: Dependency;
  constructor(message: string, dependency: Dependency, options?: ErrorOptions) {
    super(message, options);
    this.dependency = dependency;
  }
}

const CLASSES = {
  ModelyardError,
  ConfigError,
  InvalidDefinitionError,
  InvalidRequestError,
  UnknownTagError,
  UnknownModelError,
  LiveChangedError,
  BusyError,
  FrozenError,
  QuarantinedError,
  NoRollbackTargetError,
  NoSlotError,
  SelfApprovalError,
  IdempotencyConflictError,
  IntegrityError,
  ApprovalRefusedError,
  UnknownRunError,
  RunCancelledError,
  RunFailedError,
  UnavailableError,
};
for (const [name, errorClass] of Object.entries(CLASSES)) brand(name, errorClass);
