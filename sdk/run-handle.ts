import { randomUUID } from 'node:crypto';
import type { RunKind } from '../temporal/contracts/runs.js';
import { RunCancelledError, RunFailedError, IntegrityError } from './errors.js';
import { isEnded, isOpen, runStatus } from './run-status.js';
import { awaitRun, describeRun, observeRun, viewRun } from './run-watch.js';
import { callService, webUrl, type Session } from './session.js';
import type { RunHandle, RunStatus } from './types.js';

/** A run of any kind, by its workflow id alone, so that another process can hold it too. */
export class Run<Result> implements RunHandle<Result> {
  readonly kind: RunKind;
  readonly workflowId: string;
  readonly url: string | null;
  // Private for real: what prints or serializes a handle must not meet the session's credentials.
  readonly #session: Session;
  readonly #toResult: (record: unknown) => Result;

  constructor(
    session: Session,
    run: { kind: RunKind; workflowId: string; toResult: (record: unknown) => Result },
  ) {
    this.#session = session;
    this.kind = run.kind;
    this.workflowId = run.workflowId;
    this.url = webUrl(session, run.workflowId);
    this.#toResult = run.toResult;
  }

  async status(): Promise<RunStatus> {
    const [execution, view] = await Promise.all([
      describeRun(this.#session, this.workflowId),
      viewRun(this.#session, this.workflowId),
    ]);
    return runStatus(this.kind, execution, view);
  }

  async result(): Promise<Result> {
    return this.#toResult(await awaitRun(this.#session, this.workflowId));
  }

  async cancel(reason: string): Promise<void> {
    await cancelRun(this.#session, this.workflowId, reason);
  }

  async *watch(): AsyncGenerator<RunStatus> {
    yield* changes(this.statuses());
  }

  /** The status each time the run moved; the same one may come twice. */
  protected async *statuses(): AsyncGenerator<RunStatus> {
    for await (const { execution, view } of observeRun(this.#session, this.workflowId)) {
      if (view !== null || !isOpen(execution)) yield runStatus(this.kind, execution, view);
    }
  }
}

async function* changes(statuses: AsyncIterable<RunStatus>): AsyncGenerator<RunStatus> {
  let last = '';
  for await (const status of statuses) {
    const text = JSON.stringify(status);
    if (text !== last) yield status;
    last = text;
    if (isEnded(status)) return;
  }
}

/** Asks for the end and waits for it: the workflow closes only when its compensation is done. */
export async function cancelRun(
  session: Session,
  workflowId: string,
  reason: string,
): Promise<void> {
  if (!isOpen(await describeRun(session, workflowId))) return;
  await callService(session, () =>
    session.connection.workflowService.requestCancelWorkflowExecution({
      namespace: session.options.temporal.namespace,
      workflowExecution: { workflowId },
      identity: session.options.actor,
      requestId: randomUUID(),
      reason,
    }),
  );
  try {
    await awaitRun(session, workflowId);
  } catch (error) {
    const ended =
      error instanceof RunCancelledError ||
      error instanceof RunFailedError ||
      error instanceof IntegrityError;
    if (!ended) throw error;
  }
}
