import { ApplicationFailure } from '@temporalio/common';

/**
 * Every failure type that may stand in a history, with the one place that says whether a retry can help and what a
 * person should do. Call sites never decide retryability.
 */
export const FAILURES = {
  InvalidDefinition: {
    retryable: false,
    remedy: 'correct the fields the message names and apply again',
  },
  InvalidRequest: {
    retryable: false,
    remedy: 'correct the fields the message names and call again',
  },
  UnknownTag: { retryable: false, remedy: 'apply a definition for the tag first' },
  UnknownModel: { retryable: false, remedy: 'name a version that the registry lists' },
  LiveChanged: {
    retryable: false,
    remedy: 'look at the status and judge against the model that is live now',
  },
  DefinitionChanged: {
    retryable: false,
    remedy: 'retrain or promote under the definition in force',
  },
  Busy: { retryable: false, remedy: 'wait for the run it names, or roll its candidate back' },
  Overloaded: { retryable: true, remedy: 'none: the tag takes the command in a moment' },
  Frozen: { retryable: false, remedy: 'unfreeze, or wait for the end of the freeze' },
  WindowClosed: {
    retryable: false,
    remedy: 'none: the rollout goes on when the next change window opens',
  },
  Rejected: {
    retryable: false,
    remedy: 'read why it was rejected, and promote again when that is settled',
  },
  Quarantined: { retryable: false, remedy: 'release the version, or promote another' },
  NoRollbackTarget: { retryable: false, remedy: 'promote a version, or demote to none' },
  NoSlot: { retryable: false, remedy: 'book from the next free instant' },
  LeaseLost: { retryable: false, remedy: 'none: a newer command ended this rollout' },
  Superseded: { retryable: false, remedy: 'none: a newer command took its place' },
  IdempotencyConflict: {
    retryable: false,
    remedy: 'use a new idempotency key for another request',
  },
  SelfApproval: { retryable: false, remedy: 'ask someone else to approve' },
  ApprovalRefused: { retryable: false, remedy: 'look at what the run waits for' },
  Integrity: { retryable: false, remedy: 'retrain; never promote a version whose content changed' },
  JobRunning: { retryable: true, remedy: 'none: the job is still going' },
  JobConflict: {
    retryable: false,
    remedy: 'end the run that owns the job, or start this one under another key',
  },
  JobFailed: { retryable: false, remedy: "read the traceback and the job's log" },
  ComputeUnavailable: {
    retryable: true,
    remedy: 'free or start what the message names, or correct compute.targets',
  },
  HostNotReady: { retryable: true, remedy: 'none: the host is still starting' },
  HostFailed: {
    retryable: false,
    remedy: "read the host's log; the model does not load or answers unhealthily",
  },
  StaleFence: { retryable: false, remedy: 'none: a newer write is in force' },
  RouteMismatch: {
    retryable: true,
    remedy: 'none: the route is written again until it reads back',
  },
  RegistryUnavailable: { retryable: true, remedy: 'start MLflow or correct registry.trackingUri' },
  RegistryRefused: {
    retryable: false,
    remedy: "read MLflow's message; check its permissions and version",
  },
  RegistryConflict: {
    retryable: false,
    remedy: 'somebody else wrote the same record with other content; compare both',
  },
  ProjectionMismatch: {
    retryable: true,
    remedy: 'none: the aliases are written again until they read back; find who else writes them',
  },
  ArtifactsUnavailable: {
    retryable: true,
    remedy: 'start the artifact store or correct artifacts.roots',
  },
  GatewayUnavailable: { retryable: true, remedy: 'start the gateway or correct its url' },
  GatewayRefused: { retryable: false, remedy: "read the gateway's message; check its admin token" },
  GateError: {
    retryable: false,
    remedy: 'correct the evaluation so that it measures what the gate asks for',
  },
  Misconfigured: { retryable: false, remedy: "correct the worker's configuration file" },
} as const satisfies Record<string, { retryable: boolean; remedy: string }>;

export type FailureType = keyof typeof FAILURES;

export interface FailureOptions {
  details?: Record<string, unknown>;
  cause?: Error;
  /** Delay before the next try of a retryable failure; absent: the retry policy's own back-off. */
  nextRetryDelayMs?: number;
  /** An expected state ("still running"), kept out of error metrics. */
  benign?: boolean;
}

/** The only way a failure enters a history. `details[0]` carries the fields the SDK's error class shows. */
export function failure(
  type: FailureType,
  message: string,
  options: FailureOptions = {},
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: !FAILURES[type].retryable,
    details: [options.details ?? {}],
    ...(options.cause && { cause: options.cause }),
    ...(options.nextRetryDelayMs !== undefined && { nextRetryDelay: options.nextRetryDelayMs }),
    ...(options.benign && { category: 'BENIGN' as const }),
  });
}

/** The first ApplicationFailure in an error's chain of causes: what an activity or an update really said. */
export function applicationFailure(error: unknown): ApplicationFailure | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ApplicationFailure) return at;
  }
  return undefined;
}

export function isFailure(error: unknown, ...types: FailureType[]): boolean {
  const type = applicationFailure(error)?.type;
  return type != null && (types as string[]).includes(type);
}
