import type { JobSettings } from '../../../../activities/compute/kubernetes/options.js';
import type { JobSpec } from '../../../../temporal/contracts/job.js';

export const HARNESS_IMAGE = `registry.example/modelyard/harness@sha256:${'ab'.repeat(32)}`;
export const TEAM_IMAGE = `registry.example/team/train@sha256:${'cd'.repeat(32)}`;

export const SETTINGS: JobSettings = {
  namespaces: { standard: 'ml', critical: 'ml-critical' },
  image: HARNESS_IMAGE,
  images: ['registry.example/team/'],
  results: 'mlflow-artifacts:/',
  registry: { trackingUri: 'http://mlflow:5000', allowedTypes: ['team.Model'] },
};

export const NOW = Date.parse('2026-11-24T08:00:00.000Z');

export function jobSpec(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    name: 'job-1',
    target: 'cluster',
    owner: 'retrain/flight-delay/run',
    tag: 'flight-delay',
    program: { kind: 'harness', step: 'train' },
    document: { schema: 1, params: { depth: 3 } },
    resources: { class: 'cpu' },
    tier: 'standard',
    secrets: {},
    timeoutMs: 90_500,
    deadline: new Date(NOW + 3_600_000).toISOString(),
    ...changes,
  };
}
