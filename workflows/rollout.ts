import {
  CancellationScope,
  ContinueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { RolloutRequest, RolloutResult, Watching } from '../temporal/contracts/runs.js';
import type { ShadowReport } from '../temporal/contracts/shadow.js';
import { msOf } from '../temporal/duration.js';
import { applicationFailure } from '../temporal/errors.js';
import { modelId, tagWorkflowId } from '../temporal/ids.js';
import { runEnded, runView } from '../temporal/messages.js';
import { failedAt, quietly, requireText } from './failing.js';
import { outcomeOfRefusal } from './policy/refusals.js';
import { closing, hosts, records } from './proxies.js';
import { awaitApproval } from './rollout/approval.js';
import { climb, Ended, looking, type Ending } from './rollout/canary.js';
import { Holder, type Granted } from './rollout/holder.js';
import { LiveJudge } from './rollout/live-judge.js';
import { awaitShadow } from './rollout/shadow.js';
import { Turn } from './rollout/turn.js';
import { watch, type Goes } from './rollout/watch.js';
import { Stages } from './stages.js';

const STAGES = [
  'candidate',
  'turn',
  'shadow',
  'approval',
  'host',
  'canary',
  'commit',
  'watch',
] as const;

/**
 * Puts a registered model in the tag's place: its turn, its shadow window and the approvals it needs, its host warm and
 * verified, a growing share of the traffic, the commit, and the watch after it.
 */
export async function rollout(request: RolloutRequest): Promise<RolloutResult> {
  requireText(request, 'tag');
  const stages = new Stages({ kind: 'rollout', tag: request.tag }, STAGES);
  setHandler(runView, () => stages.view);
  const run = new Rollout(request, stages);
  try {
    return request.watching ? await run.watchOn(request.watching) : await run.toItsEnd();
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    await CancellationScope.nonCancellable(() => run.release(error));
    throw failedAt(stages.view.stage, error);
  }
}

class Rollout {
  private readonly request: RolloutRequest;
  private readonly stages: Stages;
  private readonly holder: Holder;
  private readonly turn: Turn;
  private shadow: ShadowReport | null = null;

  constructor(request: RolloutRequest, stages: Stages) {
    this.request = request;
    this.stages = stages;
    this.holder = new Holder(request, stages);
    this.turn = new Turn(this.holder);
  }

  async toItsEnd(): Promise<RolloutResult> {
    const { tag, version } = this.request;
    const model = await this.stages.run('candidate', () =>
      records.resolveModel({ tag, version, verify: true }),
    );
    try {
      const granted = await this.stages.run('turn', () => this.turn.awaited(model));
      if (!('lease' in granted)) return await this.end(granted);
      return await this.under(granted, model);
    } catch (error) {
      const refused =
        error instanceof Ended ? error.ending : outcomeOfRefusal(applicationFailure(error));
      if (!refused || this.stages.view.committed) throw error;
      return await this.end(refused);
    }
  }

  /** Under the lease, up to the commit; the watch holds none. */
  private async under(granted: Granted, model: RegisteredModel): Promise<RolloutResult> {
    const { plan } = this.holder;
    const shadowed = await this.stage('shadow', plan.shadow != null, () =>
      awaitShadow(this.holder),
    );
    this.shadow = shadowed?.report ?? null;
    if (shadowed?.ending) return this.end(shadowed.ending);
    const unapproved = await this.stage('approval', plan.approval !== null, () =>
      awaitApproval(this.holder),
    );
    if (unapproved !== null) return this.end({ outcome: 'rejected', reason: unapproved });
    await this.stages.run('host', () => hosts.warmHost(granted.host));
    const judge = new LiveJudge(this.request.tag, model, plan);
    const ended = await this.stage('canary', plan.steps.length > 0, () =>
      climb(this.holder, judge),
    );
    if (ended !== null) return this.end(ended);
    await judge.keepBaseline();
    const entry = await this.stages.run('commit', () =>
      this.holder.commit(looking(this.holder, judge)),
    );
    this.stages.view.committed = entry;
    this.holder.granted = null;
    const { shadow } = this;
    return this.afterCommit(judge, { entry, plan, stages: [], judged: false, shadow });
  }

  private async afterCommit(judge: LiveJudge, goes: Goes): Promise<RolloutResult> {
    const { entry, plan } = goes;
    judge.afterCommit = true;
    if (msOf(plan.watch) === 0) {
      this.stages.mark('watch', 'skipped');
      const promoted = { outcome: 'promoted' as const, reason: entry.reason };
      return CancellationScope.nonCancellable(() => this.end(promoted, entry));
    }
    const ended = await this.stages.run('watch', async () => {
      if (judge.since === null || goes.stages.length === 0) await judge.begin();
      return watch(this.holder, judge, goes);
    });
    return this.end(ended, entry);
  }

  /** The next page of a long watch. */
  async watchOn(watching: Watching): Promise<RolloutResult> {
    const { tag, version } = this.request;
    const { since, loggedSince, baseline, ...goes } = watching;
    this.stages.view.stages = goes.stages;
    this.stages.view.committed = goes.entry;
    this.shadow = goes.shadow ?? null;
    const model = await records.resolveModel({ tag, version, verify: false });
    const judge = new LiveJudge(tag, model, goes.plan);
    Object.assign(judge, { since, loggedSince, baseline });
    return this.afterCommit(judge, goes);
  }

  /** A stage that the definition asks for, or one that is passed over. */
  private async stage<Result>(
    name: string,
    asked: boolean,
    work: () => Promise<Result>,
  ): Promise<Result | null> {
    if (asked) return this.stages.run(name, work);
    this.stages.mark(name, 'skipped');
    return null;
  }

  private async end(ending: Ending, entry: LedgerEntry | null = null): Promise<RolloutResult> {
    await this.holder.giveBack(ending.reason);
    const { tag, version } = this.request;
    await this.record(ending.outcome);
    this.stages.decide(ending.outcome, modelId(tag, version));
    return { tag, modelId: modelId(tag, version), shadow: this.shadow, ...ending, entry };
  }

  /** Whatever cannot be undone or told is logged: the cause of the end is what people need to see. */
  async release(error: unknown): Promise<void> {
    await quietly('give the lease back', () => this.holder.giveBack());
    const { committed } = this.stages.view;
    await this.record(committed ? 'promoted' : isCancellation(error) ? 'aborted' : 'failed');
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
    const workflowId = retrain?.workflowId ?? this.holder.workflowId;
    const told = { workflowId, decision, finishedAt: new Date().toISOString() };
    await getExternalWorkflowHandle(tagWorkflowId(tag))
      .signal(runEnded, told)
      .catch(() => undefined);
  }
}
