import type { RegisteredModel } from '../temporal/contracts/model.js';
import { judgeAndRecord, measure } from './judging.js';
import { afterGate } from './policy/decision.js';
import { judgingDigest } from './policy/tag/define.js';
import { reads, records } from './proxies.js';
import { modelId } from '../temporal/ids.js';
import { REGISTRY_TAGS } from '../temporal/names.js';

export interface SecondJudgement {
  /** Better than what is live now, and nothing in the definition keeps it from going live by itself. */
  standing: boolean;
  reason: string;
  incumbent: number | null;
  judgedUnder: string;
}

/** Judges a candidate against what is live now: the judgement it came with was about another incumbent or another rule. */
export async function judgeAgain(of: {
  tag: string;
  model: RegisteredModel;
  registryRunId: string;
  workflowId: string;
  effectKey: string;
}): Promise<SecondJudgement> {
  const admission = await reads.admit(of.tag);
  const cutoff = of.model.tags[REGISTRY_TAGS.dataCutoff] ?? new Date().toISOString();
  const { experimentId } = await records.experimentOf(of.tag);
  const judging = {
    admission,
    workflowId: of.workflowId,
    effectKey: of.effectKey,
    cutoff,
    candidate: of.model,
    incumbent: admission.live,
    registry: { experimentId, runId: of.registryRunId },
  };
  const report = await judgeAndRecord(judging, await measure(judging));
  const next = afterGate({
    report,
    autoPromote: admission.definition.gate.autoPromote === true,
    minDwell: admission.definition.gate.minDwell,
    liveSince: admission.liveSince,
    now: new Date().toISOString(),
  });
  const against = admission.live ? modelId(of.tag, admission.live.version) : 'nothing';
  return {
    standing: next.roll === 'out',
    reason: `judged again against ${against}: ${report.verdict}${next.roll === 'out' ? '' : `, ${next.reason}`}`,
    incumbent: admission.live?.version ?? null,
    judgedUnder: judgingDigest(admission.definition),
  };
}
