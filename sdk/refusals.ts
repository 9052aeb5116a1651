import { applicationFailure, FAILURES, type FailureType } from '../temporal/errors.js';
import {
  ApprovalRefusedError,
  BusyError,
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
  SelfApprovalError,
  UnavailableError,
  UnknownModelError,
  UnknownTagError,
  type Issue,
} from './errors.js';

interface Failure {
  type: string;
  message: string;
  details: Record<string, unknown>;
  cause?: unknown;
}
type Build = (message: string, details: Fields, options: ErrorOptions) => ModelyardError;

/** Reads a failure's `details[0]`, which other processes and other releases wrote. */
class Fields {
  readonly #values: Record<string, unknown>;
  constructor(values: Record<string, unknown>) {
    this.#values = values;
  }
  text(name: string): string {
    const value = this.#values[name];
    return typeof value === 'string' ? value : '';
  }
  textOrNull(name: string): string | null {
    const value = this.#values[name];
    return typeof value === 'string' ? value : null;
  }
  dateOrNull(name: string): Date | null {
    const value = this.#values[name];
    return typeof value === 'string' ? new Date(value) : null;
  }
  issues(message: string): Issue[] {
    const value = this.#values['issues'];
    return Array.isArray(value) ? (value as Issue[]) : [{ path: '', message }];
  }
}

/** One row per failure type that has a class of its own; the others keep their type as `code` of the base class. */
const BUILDERS: Partial<Record<FailureType, Build>> = {
  InvalidDefinition: (message, fields, o) =>
    new InvalidDefinitionError(message, fields.issues(message), o),
  InvalidRequest: (message, fields, o) =>
    new InvalidRequestError(message, fields.issues(message), o),
  UnknownTag: (message, fields, o) => new UnknownTagError(message, fields.text('tag'), o),
  UnknownModel: (message, fields, o) => new UnknownModelError(message, fields.text('modelId'), o),
  LiveChanged: (message, fields, o) =>
    new LiveChangedError(
      message,
      { expected: fields.textOrNull('expected'), actual: fields.textOrNull('actual') },
      o,
    ),
  Busy: (message, fields, o) => new BusyError(message, fields.text('workflowId'), o),
  Frozen: (message, fields, o) =>
    new FrozenError(message, { by: fields.text('by'), until: fields.dateOrNull('until') }, o),
  Quarantined: (message, fields, o) => new QuarantinedError(message, fields.text('modelId'), o),
  NoRollbackTarget: (message, _, o) => new NoRollbackTargetError(message, o),
  NoSlot: (message, fields, o) =>
    new NoSlotError(message, fields.dateOrNull('nextFree') ?? new Date(NaN), o),
  SelfApproval: (message, _, o) => new SelfApprovalError(message, o),
  IdempotencyConflict: (message, fields, o) =>
    new IdempotencyConflictError(message, fields.text('idempotencyKey'), o),
  Integrity: (message, fields, o) =>
    new IntegrityError(
      message,
      { expected: fields.text('expected'), actual: fields.text('actual') },
      o,
    ),
  ApprovalRefused: (message, fields, o) =>
    new ApprovalRefusedError(message, fields.text('reason') as ApprovalRefusedError['reason'], o),
  RegistryUnavailable: (message, _, o) => new UnavailableError(message, 'mlflow', o),
  ArtifactsUnavailable: (message, _, o) => new UnavailableError(message, 'artifacts', o),
  GatewayUnavailable: (message, _, o) => new UnavailableError(message, 'gateway', o),
  Overloaded: (message, _, o) => new UnavailableError(message, 'worker', o),
};

/** What a refusal means to the caller: the class it can act on, the sentence it was refused with and what to do. */
export function refusal(failure: Failure): ModelyardError {
  const type = failure.type as FailureType;
  const known = Object.hasOwn(FAILURES, failure.type) ? FAILURES[type] : undefined;
  const message =
    known === undefined || known.remedy.startsWith('none')
      ? failure.message
      : `${failure.message}; ${known.remedy}`;
  const options = failure.cause === undefined ? {} : { cause: failure.cause };
  const build = known && BUILDERS[type];
  if (build) return build(message, new Fields(failure.details), options);
  return new ModelyardError(message, { ...options, code: failure.type });
}

/** The refusal inside an error of Temporal's client, however many layers wrap it; undefined when there is none. */
export function refusalIn(error: unknown): ModelyardError | undefined {
  const inner = applicationFailure(error);
  if (inner === undefined) return undefined;
  return refusal({
    type: inner.type ?? 'Unknown',
    message: inner.message,
    details: (inner.details?.[0] as Record<string, unknown> | null | undefined) ?? {},
    cause: error,
  });
}
