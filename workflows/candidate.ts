import type { TrainResult } from '../temporal/contracts/job.js';
import type { ModelRecord } from '../temporal/contracts/model.js';
import type { Admission } from '../temporal/contracts/runs.js';
import { REGISTRY_TAGS } from '../temporal/names.js';

type Unnumbered = Omit<ModelRecord, 'version'>;

/** Where a run and its version come from: definition, code and data cut-off. */
export function provenanceOf(admission: Admission, cutoff: string): Record<string, string> {
  return {
    [REGISTRY_TAGS.definitionDigest]: admission.definitionDigest,
    [REGISTRY_TAGS.codeRevision]: admission.codeRevision,
    [REGISTRY_TAGS.codeDigest]: codeDigestOf(admission.definition),
    [REGISTRY_TAGS.dataCutoff]: cutoff,
  };
}

/** A trained model as it will be served, before the registry gives it a number. */
export function candidateOf(
  { definition }: Admission,
  trained: TrainResult,
  registryRunId: string,
): Unnumbered {
  return {
    digest: trained.model.digest,
    uri: trained.model.uri,
    task: definition.training.task,
    features: trained.features,
    trainedOn: trained.trainedOn,
    serving: definition.serving ?? null,
    registryRunId,
  };
}

/** What a version says of itself, so that it can be served and judged again without the run that made it. */
export function versionTags(candidate: Unnumbered, trained: TrainResult): Record<string, string> {
  return {
    [REGISTRY_TAGS.digest]: candidate.digest,
    [REGISTRY_TAGS.dataDigest]: trained.dataDigest,
    [REGISTRY_TAGS.task]: candidate.task,
    [REGISTRY_TAGS.features]: JSON.stringify(candidate.features),
    [REGISTRY_TAGS.trainedOn]: JSON.stringify(candidate.trainedOn),
    [REGISTRY_TAGS.serving]: JSON.stringify(candidate.serving),
  };
}

export function codeDigestOf({ training }: Pick<Admission['definition'], 'training'>): string {
  return training.code.kind === 'python' ? (training.code.digest ?? '') : training.code.image;
}
