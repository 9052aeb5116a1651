import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { GateReport } from '../temporal/contracts/gate.js';
import type { TrainResult } from '../temporal/contracts/job.js';
import type { ModelRecord } from '../temporal/contracts/model.js';
import type {
  Admission,
  Decision,
  RetrainRequest,
  RetrainResult,
} from '../temporal/contracts/runs.js';
import { digestOf } from '../temporal/digest.js';
import { modelId, tagWorkflowId } from '../temporal/ids.js';
import { runEnded, runView } from '../temporal/messages.js';
import { REGISTRY_TAGS, RUN_ARTIFACTS } from '../temporal/names.js';
import { candidateOf, codeDigestOf, provenanceOf, versionTags } from './candidate.js';
import { trainDocument, type RegistryRun } from './documents.js';
import { failedAt, quietly, requireText } from './failing.js';
import { startRollout } from './handover.js';
import { runStep } from './jobs.js';
import { judgeAndRecord, measure, type Judging } from './judging.js';
import { opened } from './opening.js';
import { afterGate, reasonsOf, type NextStep } from './policy/decision.js';
import { mergeParams } from './policy/params.js';
import { nominalTime } from './policy/slot.js';
import { closing, reads, records } from './proxies.js';
import { Stages } from './stages.js';

const STAGES = ['admission', 'training', 'registration', 'evaluation', 'gate', 'handover'] as const;

/**
 * Trains a candidate, judges it against the live model on the same rows and, when it is better and may be promoted, hands
 * it to a rollout. Not better is a result; a measurement that could not be made is a failure.
 */
export async function retrain(request: RetrainRequest): Promise<RetrainResult> {
  requireText(request, 'tag');
  const stages = new Stages({ kind: 'retrain', tag: request.tag }, STAGES);
  setHandler(runView, () => stages.view);
  const run = new Retrain(request, stages);
  try {
    return await run.toItsEnd();
  } catch (error) {
    await CancellationScope.nonCancellable(() => run.closeAfter(error));
    throw failedAt(stages.view.stage, error);
  }
}

class Retrain {
  private readonly workflowId = workflowInfo().workflowId;
  private readonly startedAt = workflowInfo().startTime.toISOString();
  private readonly cutoff: string;
  private readonly request: RetrainRequest;
  private readonly stages: Stages;
  private registry: RegistryRun | null = null;
  private effectKey = this.workflowId;
  private readonly placements = new Set<string>();

  constructor(request: RetrainRequest, stages: Stages) {
    this.request = request;
    this.stages = stages;
    this.cutoff = request.asOf ?? nominalTime(this.workflowId) ?? this.startedAt;
  }

  async toItsEnd(): Promise<RetrainResult> {
    const { admission, registry } = await this.stages.run('admission', () => this.begin());
    const trained = await this.stages.run('training', () => this.train(admission, registry));
    const candidate = await this.stages.run('registration', () =>
      this.register(admission, registry, trained),
    );
    const judging = this.judging(admission, registry, { candidate, trained });
    const evidence = await this.stages.run('evaluation', () => measure(judging));
    const report = await this.stages.run('gate', () => judgeAndRecord(judging, evidence));
    this.stages.view.gate = report;
    return this.stages.run('handover', () => this.handOver(judging, report));
  }

  private async begin(): Promise<{ admission: Admission; registry: RegistryRun }> {
    const admission = await this.admit();
    this.effectKey = `${this.workflowId}/${this.inputsOf(admission)}`;
    return { admission, registry: await this.openRun(admission) };
  }

  private async admit(): Promise<Admission> {
    await this.takeItsPlace();
    return reads.admit(this.request.tag, this.request);
  }

  /** A scheduled run waits for its tag's place in the spread, counted from the nominal time: a late slot waits no more. */
  private async takeItsPlace(): Promise<void> {
    const { delayMs } = this.request;
    const waitMs = Date.parse(this.cutoff) + (delayMs ?? 0) - Date.now();
    if (delayMs === undefined || waitMs <= 0) return;
    await sleep(waitMs, { summary: "the tag's place in the schedule's spread" });
  }

  /**
   * What everything this run makes depends on. A failed run that is started again under its key adopts what the first one
   * made of the same inputs, and makes anew what was made of others.
   */
  private inputsOf(admission: Admission): string {
    const { definitionDigest } = admission;
    return digestOf({
      definitionDigest,
      cutoff: this.cutoff,
      params: this.params(admission),
    }).slice(-12);
  }

  private params({ definition }: Admission): Record<string, unknown> {
    return mergeParams(definition.training.params ?? {}, this.request.params ?? {});
  }

  private async openRun(admission: Admission): Promise<RegistryRun> {
    this.registry = await opened({
      key: this.effectKey,
      workflowId: this.workflowId,
      tag: this.request.tag,
      kind: 'retrain',
      startedAt: this.startedAt,
      params: this.params(admission),
      tags: {
        [REGISTRY_TAGS.workflowId]: this.workflowId,
        [REGISTRY_TAGS.tag]: this.request.tag,
        [REGISTRY_TAGS.owner]: admission.definition.owner.team,
        ...provenanceOf(admission, this.cutoff),
      },
      artifacts: { [RUN_ARTIFACTS.definition]: admission.definition },
    });
    return this.registry;
  }

  private async train(admission: Admission, registry: RegistryRun): Promise<TrainResult> {
    const { workflowId, effectKey, cutoff } = this;
    const document = trainDocument({
      admission,
      workflowId,
      cutoff,
      params: this.params(admission),
      registry,
    });
    return (await runStep({
      workflowId,
      effectKey,
      step: 'train',
      admission,
      document,
      onPlaced: this.placedIn('training'),
    })) as TrainResult;
  }

  private async register(
    admission: Admission,
    registry: RegistryRun,
    trained: TrainResult,
  ): Promise<ModelRecord> {
    const candidate = candidateOf(admission, trained, registry.runId);
    const tags = {
      [REGISTRY_TAGS.workflowId]: this.workflowId,
      [REGISTRY_TAGS.requestedBy]: this.request.actor,
      ...versionTags(candidate, trained),
      ...provenanceOf(admission, this.cutoff),
    };
    const key = `${this.effectKey}/register`;
    const { version } = await records.registerCandidate({
      key,
      tag: this.request.tag,
      runId: registry.runId,
      result: trained,
      tags,
    });
    return { version, ...candidate };
  }

  private judging(
    admission: Admission,
    registry: RegistryRun,
    of: { candidate: ModelRecord; trained: TrainResult },
  ): Judging {
    const { workflowId, cutoff } = this;
    const { candidate, trained } = of;
    // Started again after another promotion, the run must not take the earlier comparison for its own.
    const effectKey = `${this.effectKey}/against-${String(admission.live?.version ?? 'nothing')}`;
    return {
      admission,
      workflowId,
      effectKey,
      cutoff,
      candidate,
      incumbent: admission.live,
      registry,
      ownEvaluation: trained.ownEvaluation,
      onPlaced: this.placedIn('evaluation'),
    };
  }

  private placedIn(stage: (typeof STAGES)[number]): (placement: string) => void {
    return (placement) => {
      this.stages.detail(stage, placement);
      this.placements.add(placement);
    };
  }

  private async handOver(judging: Judging, report: GateReport): Promise<RetrainResult> {
    const { gate } = judging.admission.definition;
    const next = afterGate({
      report,
      autoPromote: gate.autoPromote === true && this.request.autoPromote !== false,
      minDwell: gate.minDwell,
      liveSince: judging.admission.liveSince,
      now: new Date().toISOString(),
    });
    const rollout = next.roll === 'out' ? await startRollout(judging, this.request) : null;
    this.stages.view.rolloutWorkflowId = rollout;
    return this.end(judging, { report, next, rollout });
  }

  private async end(
    judging: Judging,
    of: { report: GateReport; next: NextStep; rollout: string | null },
  ): Promise<RetrainResult> {
    const { admission, candidate, incumbent, registry } = judging;
    const { tag, training } = admission.definition;
    const decision: Decision = of.next.roll === 'out' ? 'promoted' : of.next.decision;
    const reason = of.next.roll === 'out' ? reasonsOf(of.report, 'passed') : of.next.reason;
    const id = modelId(tag, candidate.version);
    // Neither waits for the other: a signal's answer costs as much as an activity.
    await Promise.all([this.close(records, 'FINISHED', decision), this.tellTag(decision)]);
    this.stages.decide(decision, id);
    return {
      tag,
      modelId: id,
      decision,
      gate: of.report,
      shadow: null,
      incumbent: incumbent && modelId(tag, incumbent.version),
      codeRevision: admission.codeRevision,
      codeDigest: codeDigestOf({ training }),
      dataCutoff: this.cutoff,
      reason,
      registryRunId: registry.runId,
      rolloutWorkflowId: of.rollout,
    };
  }

  /** The record and the tag learn of an end that was not planned; what was begun stays visible, and nothing stays open. */
  async closeAfter(error: unknown): Promise<void> {
    const cancelled = isCancellation(error);
    const [status, decision] = cancelled
      ? (['KILLED', 'cancelled'] as const)
      : (['FAILED', 'failed'] as const);
    await quietly('close the record', () => this.close(closing, status, decision));
    await this.tellTag(null);
  }

  private async close(
    by: typeof records,
    status: 'FINISHED' | 'FAILED' | 'KILLED',
    decision: string,
  ): Promise<void> {
    if (this.registry === null) return;
    const tags = {
      [REGISTRY_TAGS.decision]: decision,
      ...(this.placements.size > 0 && {
        [REGISTRY_TAGS.placement]: [...this.placements].join('; '),
      }),
    };
    await by.closeRun({
      runId: this.registry.runId,
      status,
      at: new Date().toISOString(),
      tags,
    });
  }

  private async tellTag(decision: string | null): Promise<void> {
    const told = { workflowId: this.workflowId, decision, finishedAt: new Date().toISOString() };
    await getExternalWorkflowHandle(tagWorkflowId(this.request.tag))
      .signal(runEnded, told)
      .catch(() => undefined);
  }
}
