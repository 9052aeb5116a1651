import type { EvaluationEvidence } from '../temporal/contracts/evaluation.js';
import type { GateReport } from '../temporal/contracts/gate.js';
import type { TrainResult } from '../temporal/contracts/job.js';
import type { ModelRecord } from '../temporal/contracts/model.js';
import type { Admission } from '../temporal/contracts/runs.js';
import { failure } from '../temporal/errors.js';
import { modelId } from '../temporal/ids.js';
import { evaluateDocument, type RegistryRun } from './documents.js';
import { runStep } from './jobs.js';
import { reasonsOf } from './policy/decision.js';
import { judge } from './policy/gate.js';
import { judgingDigest } from './policy/tag/define.js';
import { records } from './proxies.js';

export interface Judging {
  admission: Admission;
  workflowId: string;
  effectKey: string;
  cutoff: string;
  candidate: ModelRecord;
  incumbent: ModelRecord | null;
  registry: RegistryRun;
  holdout?: { from: string; until: string };
  ownEvaluation?: TrainResult['ownEvaluation'];
  onPlaced?: (placement: string) => void;
}

/** Scores the candidate and the incumbent on the same rows. */
export async function measure(judging: Judging): Promise<EvaluationEvidence> {
  const { workflowId, effectKey, admission, onPlaced } = judging;
  const result = await runStep({
    workflowId,
    effectKey,
    step: 'evaluate',
    admission,
    document: evaluateDocument(judging),
    onPlaced,
  });
  const evidence = result as EvaluationEvidence;
  assertAbout(judging, evidence);
  return evidence;
}

/** Evidence about other models than the ones asked for would judge nothing, and could pass everything. */
function assertAbout(
  { admission, candidate, incumbent }: Judging,
  evidence: EvaluationEvidence,
): void {
  const { tag } = admission.definition;
  const expected = [candidate, incumbent].map((model) => model && modelId(tag, model.version));
  const got = [evidence.candidate, evidence.incumbent];
  if (expected[0] === got[0] && expected[1] === got[1]) return;
  const said = (ids: (string | null)[]): string =>
    ids.map((id) => id ?? 'nothing').join(' against ');
  throw failure(
    'GateError',
    `expected an evaluation of ${said(expected)}, got one of ${said(got)}`,
  );
}

/** Judges the evidence and puts the report on record before anything follows from it. */
export async function judgeAndRecord(
  judging: Judging,
  evidence: EvaluationEvidence,
): Promise<GateReport> {
  const { definition } = judging.admission;
  const report = judge(definition.gate, evidence);
  await records.recordGate({
    tag: definition.tag,
    runId: judging.registry.runId,
    version: judging.candidate.version,
    incumbent: judging.incumbent?.version ?? null,
    report,
    policy: definition.gate,
    judgedUnder: judgingDigest(definition),
  });
  if (report.verdict === 'error') {
    throw failure('GateError', `the gate could not be judged: ${reasonsOf(report, 'error')}`, {
      details: { report },
    });
  }
  return report;
}
