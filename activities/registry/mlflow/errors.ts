/** MLflow answered, and said no. */
export class MlflowRefusal extends Error {
  readonly operation: string;
  readonly status: number;
  /** MLflow's error code, or '' when the answer was not its JSON. */
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: RefusalFacts) {
    super(message);
    this.name = 'MlflowRefusal';
    this.operation = facts.operation;
    this.status = facts.status;
    this.code = facts.code;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

interface RefusalFacts {
  operation: string;
  status: number;
  code: string;
  retryAfterMs: number | undefined;
}

/** No answer arrived, or not all of it: what was asked for may have happened. */
export class MlflowSilence extends Error {
  readonly operation: string;

  constructor(operation: string, cause: Error) {
    super(`${operation}: ${innermostMessage(cause)}`, { cause });
    this.name = 'MlflowSilence';
    this.operation = operation;
  }
}

/** A successful status with content that is not MLflow's. */
export class MlflowGarbage extends Error {
  readonly operation: string;
  /** Whether it was JSON, so that asking again gives the same. */
  readonly wellFormed: boolean;

  constructor(operation: string, message: string, wellFormed: boolean) {
    super(`${operation}: ${message}`);
    this.name = 'MlflowGarbage';
    this.operation = operation;
    this.wellFormed = wellFormed;
  }
}

/** Whether a create may have left its effect although it failed here. */
export function mayHaveHappened(error: unknown): boolean {
  if (error instanceof MlflowSilence) return !connectionRefused(error);
  if (error instanceof MlflowGarbage) return true;
  return error instanceof MlflowRefusal && error.status >= 500;
}

export function isRefusal(error: unknown, ...codes: string[]): error is MlflowRefusal {
  return error instanceof MlflowRefusal && codes.includes(error.code);
}

/** True when nothing listened, so that nothing can have happened. */
export function connectionRefused(error: Error): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && (at.code === 'ECONNREFUSED' || at.code === 'ENOTFOUND')) return true;
  }
  return false;
}

function innermostMessage(error: Error): string {
  let at = error;
  while (at.cause instanceof Error) at = at.cause;
  const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
  return at.message || code || at.name;
}
