import type { Admission } from '../temporal/contracts/runs.js';
import type { ModelRecord } from '../temporal/contracts/model.js';
import type { TrainResult } from '../temporal/contracts/job.js';
import type { ShadowPairs } from '../temporal/contracts/shadow.js';
import { modelId } from '../temporal/ids.js';

/** Levels every evaluation measures, so that `simulate` can judge by another confidence later. */
const CONFIDENCES = [0.8, 0.9, 0.95, 0.98, 0.99];

export interface RegistryRun {
  experimentId: string;
  runId: string;
}

/** What the harness needs to train; the job contract gives the meaning of each field. */
export function trainDocument(of: {
  admission: Admission;
  workflowId: string;
  cutoff: string;
  params: Record<string, unknown>;
  registry: RegistryRun;
}): Record<string, unknown> {
  const { definition, definitionDigest, codeRevision } = of.admission;
  const { training, evaluation, gate } = definition;
  return {
    schema: 1,
    step: 'train',
    tag: definition.tag,
    task: training.task,
    workflowId: of.workflowId,
    definitionDigest,
    codeRevision,
    code: codeOf(of.admission),
    data: training.data,
    features: training.features,
    label: training.label,
    holdout: training.holdout,
    labelDelay: training.labelDelay ?? '0s',
    cutoff: of.cutoff,
    minHoldoutRows: gate.minHoldoutRows ?? 1,
    params: of.params,
    registry: of.registry,
    allowedTypes: [],
    evaluationColumns: [
      ...new Set([...(evaluation?.slices ?? []), ...(evaluation?.cluster ?? [])]),
    ],
  };
}

/** What the harness needs to score candidate and incumbent on the same rows. */
export function evaluateDocument(of: {
  admission: Admission;
  workflowId: string;
  cutoff: string;
  candidate: ModelRecord;
  incumbent: ModelRecord | null;
  registry: RegistryRun;
  holdout?: { from: string; until: string };
  ownEvaluation?: TrainResult['ownEvaluation'];
}): Record<string, unknown> {
  const { definition } = of.admission;
  const { training, evaluation, gate } = definition;
  const asked = gate.metrics.flatMap(({ confidence }) => confidence ?? []);
  return {
    schema: 1,
    step: 'evaluate',
    tag: definition.tag,
    task: training.task,
    workflowId: of.workflowId,
    code: { ...codeOf(of.admission), entry: evaluation?.entry ?? null },
    data: training.data,
    features: training.features,
    label: training.label,
    labelDelay: training.labelDelay ?? '0s',
    cutoff: of.cutoff,
    holdout: of.holdout ? { kind: 'period', ...of.holdout } : training.holdout,
    slices: evaluation?.slices ?? [],
    cluster: evaluation?.cluster ?? [],
    confidences: [...new Set([...CONFIDENCES, ...asked])].sort(),
    candidate: modelOf(definition.tag, of.candidate),
    incumbent: of.incumbent && modelOf(definition.tag, of.incumbent),
    ownEvaluation: of.ownEvaluation || null,
    registry: of.registry,
    allowedTypes: [],
    seed: 0,
  };
}

/** The columns of the callers' inputs that a shadow report rests on. */
export function shadowColumns({ definition }: Admission, candidate: ModelRecord): string[] {
  return [...new Set([...candidate.features, ...(definition.evaluation?.slices ?? [])])];
}

/** What the harness needs to measure what a shadow window showed. */
export function shadowDocument(of: {
  admission: Admission;
  workflowId: string;
  candidate: ModelRecord;
  incumbent: ModelRecord;
  window: { from: string; until: string };
  pairs: ShadowPairs;
  registry: RegistryRun;
}): Record<string, unknown> {
  const { definition } = of.admission;
  const { training, evaluation } = definition;
  const { tag } = definition;
  const { trainedOn } = of.candidate;
  return {
    schema: 1,
    step: 'shadow',
    tag,
    task: training.task,
    workflowId: of.workflowId,
    candidate: modelId(tag, of.candidate.version),
    incumbent: modelId(tag, of.incumbent.version),
    features: of.candidate.features,
    slices: evaluation?.slices ?? [],
    requests: of.pairs.requests,
    window: of.window,
    pairs: { uri: of.pairs.uri, digest: of.pairs.digest },
    training: trainedOn && { data: training.data, label: training.label, trainedOn },
    registry: of.registry,
    seed: 0,
  };
}

function codeOf({ definition, codeUri }: Admission): Record<string, unknown> {
  const { code } = definition.training;
  return code.kind === 'python'
    ? { uri: codeUri, digest: code.digest, entry: code.entry }
    : { image: code.image };
}

function modelOf(
  tag: string,
  { version, uri, digest, features, trainedOn }: ModelRecord,
): Record<string, unknown> {
  return { modelId: modelId(tag, version), uri, digest, features, trainedOn };
}
