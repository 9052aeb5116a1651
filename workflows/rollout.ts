import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { RolloutRequest, RolloutResult } from '../temporal/contracts/runs.js';
import type { Asked, BeginRolloutCommand, RolloutGrant } from '../temporal/contracts/tag.js';
import { applicationFailure, isFailure } from '../temporal/errors.js';
import { modelId, requestHash, tagWorkflowId } from '../temporal/ids.js';
import { runEnded, runView, turn } from '../temporal/messages.js';
import { failedAt, quietly, requireText } from './failing.js';
import { outcomeOfRefusal } from './policy/refusals.js';
import { closing, hosts, records, tags } from './proxies.js';
import { judgeAgain } from './rejudging.js';
import { Stages } from './stages.js';

const STAGES = ['candidate', 'turn', 'host', 'commit'] as const;
/** A lost "your turn" costs at most this. */
const ASK_AGAIN = '1m';
/** A candidate whose incumbent keeps changing is judged this often again, then it has been overtaken. */
const MOST_JUDGEMENTS = 2;

type Granted = Extract<RolloutGrant, { state: 'granted' }>;
type Outcome = Pick<RolloutResult, 'outcome' | 'reason' | 'entry'>;

/** Puts a registered model in the tag's place: its turn, its host warm and verified, the commit. */
export async function rollout(request: RolloutRequest): Promise<RolloutResult> {
  requireText(request, 'tag');
  const stages = new Stages({ kind: 'rollout', tag: request.tag }, STAGES);
  setHandler(runView, () => stages.view);
  const run = new Rollout(request, stages);
  setHandler(turn, ({ ticket }) => {
    run.turnOf = ticket;
  });
  try {
    return await run.toItsEnd();
  } catch (error) {
    await CancellationScope.nonCancellable(() => run.release(error));
    throw failedAt(stages.view.stage, error);
  }
}

class Rollout {
  turnOf: number | null = null;
  private readonly workflowId = workflowInfo().workflowId;
  private readonly request: RolloutRequest;
  private readonly stages: Stages;
  private granted: Granted | null = null;
  private asks = 0;
  private expectedLive: number | null | undefined;
  private judgedUnder: string | undefined;

  constructor(request: RolloutRequest, stages: Stages) {
    this.request = request;
    this.stages = stages;
    this.expectedLive =
      request.expectedLive === undefined ? request.retrain?.incumbent : request.expectedLive;
    this.judgedUnder = request.retrain?.judgedUnder;
  }

  async toItsEnd(): Promise<RolloutResult> {
    const { tag, version } = this.request;
    const model = await this.stages.run('candidate', () =>
      records.resolveModel({ tag, version, verify: true }),
    );
    try {
      const granted = await this.stages.run('turn', () => this.awaitTurn(model));
      if (!('lease' in granted)) return await this.end(granted);
      await this.stages.run('host', () => hosts.warmHost(granted.host));
      // Whoever cancels from here on comes too late: what is being written may be live already.
      return await CancellationScope.nonCancellable(() => this.commitAndEnd(granted));
    } catch (error) {
      const refused = outcomeOfRefusal(applicationFailure(error));
      if (!refused) throw error;
      return await this.end({ ...refused, entry: null });
    }
  }

  private async commitAndEnd(granted: Granted): Promise<RolloutResult> {
    const entry = await this.stages.run('commit', () => this.commit(granted));
    this.stages.view.committed = entry;
    return this.end({ outcome: 'promoted', reason: entry.reason, entry });
  }

  /** The lease, or what the candidate came to because it will not get one. */
  private async awaitTurn(model: RegisteredModel): Promise<Granted | Outcome> {
    let ticket: number | undefined;
    for (let judged = 0; ;) {
      try {
        const answer = await this.ask(this.beginCommand(model, ticket));
        if (answer.state === 'granted') return this.take(answer);
        ticket = answer.ticket;
        await this.waitForTurn(ticket);
      } catch (error) {
        if (!isFailure(error, 'LiveChanged') || !this.mayBeJudgedAgain()) throw error;
        judged += 1;
        const overtaken =
          judged > MOST_JUDGEMENTS
            ? 'the live model kept changing'
            : await this.judgeAgain(model, judged);
        if (overtaken !== null) return { outcome: 'superseded', reason: overtaken, entry: null };
      }
    }
  }

  /** Waited for also by a run that is cancelled: a lease that was granted must be given back. */
  private ask(command: BeginRolloutCommand): Promise<RolloutGrant> {
    return CancellationScope.nonCancellable(() => tags.askForTurn(this.request.tag, command));
  }

  private take(granted: Granted): Granted {
    this.granted = granted;
    return granted;
  }

  private async waitForTurn(ticket: number): Promise<void> {
    this.stages.wait('turn', { what: 'turn' });
    await condition(() => this.turnOf === ticket, ASK_AGAIN);
    this.turnOf = null;
    this.stages.resume('turn');
  }

  /** A person's promote was about the model that was live then; a retrain's candidate is about being the best. */
  private mayBeJudgedAgain(): boolean {
    return this.request.retrain !== undefined && this.request.requested === undefined;
  }

  /** Null when the candidate is better than what is live now, too; else why it is not. */
  private async judgeAgain(model: RegisteredModel, round: number): Promise<string | null> {
    const { tag, retrain } = this.request;
    const judged = await judgeAgain({
      tag,
      model,
      registryRunId: retrain?.registryRunId ?? '',
      workflowId: this.workflowId,
      effectKey: `${this.workflowId}/judged-${String(round)}/${workflowInfo().runId}`,
    });
    this.expectedLive = judged.incumbent;
    this.judgedUnder = judged.judgedUnder;
    this.stages.detail('turn', judged.reason);
    return judged.standing ? null : judged.reason;
  }

  private beginCommand(model: RegisteredModel, ticket: number | undefined): BeginRolloutCommand {
    const { tags: _, gate: __, files: ___, tag: ____, ...record } = model;
    const { retrain, override, requested } = this.request;
    this.asks += 1;
    return {
      asked: this.asked('turn', this.asks),
      model: record,
      warrant:
        override !== undefined
          ? { kind: 'override', why: override }
          : { kind: 'gate', registryRunId: retrain?.registryRunId ?? model.registryRunId },
      ...(this.expectedLive !== undefined && { expectedLive: this.expectedLive }),
      ...(this.judgedUnder !== undefined && { judgedUnder: this.judgedUnder }),
      ...(requested && { requested }),
      ...(ticket !== undefined && { ticket }),
    };
  }

  private commit({ lease }: Granted): Promise<LedgerEntry> {
    return tags.commitRollout(this.request.tag, { asked: this.asked('commit', 1), lease, step: 1 });
  }

  private asked(step: string, count: number): Asked {
    const { actor, reason, tag } = this.request;
    // The run id, because a rollout that failed may be started again under its workflow id, and asks anew.
    const key = `${this.workflowId}:${workflowInfo().runId}:${step}:${String(count)}`;
    return {
      actor,
      reason,
      workflowId: this.workflowId,
      key,
      hash: requestHash(step, tag, { key }),
    };
  }

  private async end(outcome: Outcome): Promise<RolloutResult> {
    await this.giveBack();
    const { tag, version } = this.request;
    await this.record(outcome.outcome);
    this.stages.decide(outcome.outcome, modelId(tag, version));
    return { tag, modelId: modelId(tag, version), shadow: null, ...outcome };
  }

  /** Whatever cannot be undone or told is logged: the cause of the end is what people need to see. */
  async release(error: unknown): Promise<void> {
    await quietly('give the lease back', () => this.giveBack());
    await this.record(isCancellation(error) ? 'aborted' : 'failed');
  }

  /** Ends a lease that was not used. One that the entity has ended itself had its host retired, which this run may have made again. */
  private async giveBack(): Promise<void> {
    const { granted } = this;
    if (granted === null || this.stages.view.committed) return;
    const { lease, host } = granted;
    const { tag } = this.request;
    const ended = await tags.abortRollout(tag, { asked: this.asked('abort', 1), lease, step: 2 });
    if (ended === null) await tags.releaseHost(tag, { asked: this.asked('release', 1), host });
    this.granted = null;
  }

  private async record(decision: string): Promise<void> {
    await Promise.all([this.tellRegistry(decision), this.tellTag(decision)]);
  }

  private async tellRegistry(decision: string): Promise<void> {
    const { retrain } = this.request;
    if (!retrain) return;
    await quietly('record the decision', () =>
      closing.recordDecision({ runId: retrain.registryRunId, decision }),
    );
  }

  private async tellTag(decision: string): Promise<void> {
    const { tag, retrain } = this.request;
    const workflowId = retrain?.workflowId ?? this.workflowId;
    const told = { workflowId, decision, finishedAt: new Date().toISOString() };
    await getExternalWorkflowHandle(tagWorkflowId(tag))
      .signal(runEnded, told)
      .catch(() => undefined);
  }
}
