import type { RunKind } from '../temporal/contracts/runs.js';
import { WORKFLOWS } from '../temporal/names.js';
import { ListRunsArguments } from './arguments.js';
import { mapConcurrently } from './concurrency.js';
import { UnavailableError, UnknownRunError } from './errors.js';
import { evaluateRun } from './evaluate.js';
import { parseArguments } from './issues.js';
import { RetrainRun } from './retrain-handle.js';
import { RolloutRun } from './rollout-handle.js';
import { Run } from './run-handle.js';
import { runsJob } from './run-job.js';
import { kindOf, runStatus, type Execution } from './run-status.js';
import { describeRun, viewRun } from './run-watch.js';
import { fromService } from './service-errors.js';
import type { Session } from './session.js';
import { ShadowRun } from './shadow-handle.js';
import type { RetrainHandle, RolloutHandle, RunHandle, RunStatus, ShadowHandle } from './types.js';

const CONCURRENT_QUERIES = 8;

export interface ListRunsOptions {
  tag?: string;
  kind?: RunKind;
  state?: RunStatus['state'];
  waitingFor?: 'approval';
  since?: Date;
}

/** Runs of any kind, started here or elsewhere. */
export class Runs {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }

  async get(
    workflowId: string,
  ): Promise<RetrainHandle | RolloutHandle | ShadowHandle | RunHandle<unknown>> {
    const kind = kindOf(workflowId);
    if (kind === null) {
      throw new UnknownRunError(
        `${workflowId} is not the id of a run; one begins with its kind, e.g. retrain/<tag>/<key>`,
        workflowId,
      );
    }
    await describeRun(this.#session, workflowId);
    if (kind === 'retrain') return new RetrainRun(this.#session, workflowId);
    if (kind === 'rollout') return new RolloutRun(this.#session, workflowId);
    if (kind === 'shadow') return new ShadowRun(this.#session, workflowId);
    if (kind === 'evaluate') return evaluateRun(this.#session, workflowId);
    return new Run<unknown>(this.#session, { kind, workflowId, toResult: (record) => record });
  }

  /** Newest first, from Temporal's visibility, which lags by moments: for people and reports, never for decisions. */
  async *list(options: ListRunsOptions = {}): AsyncGenerator<RunStatus> {
    parseArguments('runs.list', { options: ListRunsArguments }, { options });
    const statuses = mapConcurrently(
      this.#executions(listQuery(options)),
      CONCURRENT_QUERIES,
      (run) => this.#status(run),
    );
    for await (const status of statuses) {
      if (options.state !== undefined && status.state !== options.state) continue;
      if (options.waitingFor !== undefined && status.waitingFor?.what !== options.waitingFor)
        continue;
      yield status;
    }
  }

  async *#executions(query: string): AsyncGenerator<Execution> {
    try {
      yield* this.#session.client.workflow.list({ query });
    } catch (error) {
      throw fromService(this.#session, error);
    }
  }

  async #status(execution: Execution): Promise<RunStatus> {
    const kind = kindOf(execution.workflowId) ?? 'retrain';
    try {
      const view = await viewRun(this.#session, execution.workflowId);
      return runStatus(kind, runsJob(view) ? await this.#described(execution) : execution, view);
    } catch (error) {
      // A list shows what Temporal knows even while no worker can tell the stages.
      const silent = error instanceof UnavailableError && error.dependency === 'worker';
      if (silent || error instanceof UnknownRunError) return runStatus(kind, execution, null);
      throw error;
    }
  }

  /** With where its job stands, which a list does not hold; a status without that is better than none. */
  #described(execution: Execution): Promise<Execution> {
    return describeRun(this.#session, execution.workflowId).catch(() => execution);
  }
}

/** States that only the run itself can tell apart are filtered after its answer. */
const STATUSES: Record<RunStatus['state'], string> = {
  running: `ExecutionStatus = 'Running'`,
  waiting: `ExecutionStatus = 'Running'`,
  completed: `ExecutionStatus = 'Completed'`,
  failed: `ExecutionStatus IN ('Failed', 'TimedOut')`,
  cancelled: `ExecutionStatus IN ('Canceled', 'Terminated')`,
};

export function listQuery(options: ListRunsOptions): string {
  const kinds =
    options.kind === undefined
      ? [WORKFLOWS.retrain, WORKFLOWS.evaluate, WORKFLOWS.rollout, WORKFLOWS.shadow, 'fleet']
      : [options.kind];
  return [
    `WorkflowType IN (${kinds.map((kind) => `'${kind}'`).join(', ')})`,
    ...(options.tag === undefined ? [] : [`ModelTag = '${options.tag}'`]),
    ...(options.state === undefined ? [] : [STATUSES[options.state]]),
    ...(options.waitingFor === undefined ? [] : [STATUSES.waiting]),
    ...(options.since === undefined ? [] : [`StartTime >= '${options.since.toISOString()}'`]),
  ].join(' AND ');
}
