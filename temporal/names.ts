import { defineSearchAttributeKey } from '@temporalio/common';

export const DEFAULT_TASK_QUEUE = 'modelyard';
/** Namespace-wide limit on self-hosted servers is ten keyword attributes; these are five of them. */
export const SEARCH_ATTRIBUTES = {
  ModelTag: defineSearchAttributeKey('ModelTag', 'KEYWORD'),
  ModelId: defineSearchAttributeKey('ModelId', 'KEYWORD'),
  Stage: defineSearchAttributeKey('Stage', 'KEYWORD'),
  Decision: defineSearchAttributeKey('Decision', 'KEYWORD'),
  Owner: defineSearchAttributeKey('Owner', 'KEYWORD'),
} as const;

/** Workflow types, as the Web UI lists them. Clients start by name, so that no workflow code is loaded with the SDK. */
export const WORKFLOWS = {
  tag: 'tag',
  platform: 'platform',
  retrain: 'retrain',
  evaluate: 'evaluate',
  rollout: 'rollout',
  shadow: 'shadow',
  pool: 'pool',
  read: 'read',
  reconcile: 'reconcile',
} as const;

/** Aliases in MLflow; lowercase because some stores compare them without case. */
export const ALIASES = {
  champion: 'champion',
  previous: 'previous',
  challenger: 'challenger',
} as const;

/** Tags on MLflow runs, versions and logged models. */
export const REGISTRY_TAGS = {
  key: 'modelyard.key',
  workflowId: 'modelyard.workflow_id',
  tag: 'modelyard.tag',
  digest: 'modelyard.digest',
  files: 'modelyard.files',
  dataDigest: 'modelyard.data_digest',
  definitionDigest: 'modelyard.definition_digest',
  codeDigest: 'modelyard.code_digest',
  codeRevision: 'modelyard.code_revision',
  dataCutoff: 'modelyard.data_cutoff',
  task: 'modelyard.task',
  features: 'modelyard.features',
  trainedOn: 'modelyard.trained_on',
  serving: 'modelyard.serving',
  gateVerdict: 'modelyard.gate_verdict',
  gateIncumbent: 'modelyard.gate_incumbent',
  gatePolicy: 'modelyard.gate_policy_digest',
  judgedUnder: 'modelyard.judged_under',
  shadowVerdict: 'modelyard.shadow_verdict',
  decision: 'modelyard.decision',
  status: 'modelyard.status',
  duplicateOf: 'modelyard.duplicate_of',
  owner: 'modelyard.owner',
  requestedBy: 'modelyard.requested_by',
  placement: 'modelyard.placement',
} as const;

/** Artifact paths on a run's MLflow run. */
export const RUN_ARTIFACTS = {
  evidence: 'evaluation/evidence.json',
  gateReport: 'gate/report.json',
  policy: 'gate/policy.json',
  definition: 'definition.json',
  trainResult: 'training/manifest.json',
  shadowReport: 'shadow/report.json',
  shadowPolicy: 'shadow/policy.json',
} as const;
