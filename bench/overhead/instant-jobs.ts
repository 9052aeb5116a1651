import type { Compute } from '../../dist/activities/compute/port.js';
import type { EvaluationEvidence } from '../../dist/temporal/contracts/evaluation.js';
import type { JobSpec, TrainResult } from '../../dist/temporal/contracts/job.js';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const HOLDOUT = { digest: DIGEST, rows: 1_000 };

/** Jobs that have succeeded when they are asked for: every candidate is this model, and better than what is live. */
export function instantJobs(model: TrainResult['model']): Compute {
  const jobs = new Map<string, JobSpec>();
  return {
    ensure: (job) => {
      jobs.set(job.name, job);
      return Promise.resolve({ name: job.name, target: job.target, uid: job.name });
    },
    observe: ({ name }) => {
      const job = jobs.get(name);
      if (job === undefined) return Promise.resolve({ phase: 'vanished', detail: 'never made' });
      const result = job.program.step === 'train' ? trained(job, model) : evaluated(job);
      return Promise.resolve({ phase: 'succeeded', result });
    },
    cancel: () => Promise.resolve(),
    list: () => Promise.resolve([]),
    logs: () => Promise.resolve(''),
    examine: () => Promise.resolve([]),
  };
}

function trained({ document }: JobSpec, model: TrainResult['model']): TrainResult {
  return {
    step: 'train',
    key: String(document['key']),
    model,
    features: ['distance'],
    dataDigest: DIGEST,
    rows: { train: 9_000, holdout: 1_000, unlabelled: 0, tooYoung: 0 },
    holdout: HOLDOUT,
    trainedOn: { from: null, until: null, holdout: null, timeColumn: null },
    metrics: {},
    ownEvaluation: false,
  };
}

function evaluated({ document }: JobSpec): EvaluationEvidence {
  const candidate = document['candidate'] as { modelId: string };
  const incumbent = document['incumbent'] as { modelId: string } | null;
  return {
    candidate: candidate.modelId,
    incumbent: incumbent?.modelId ?? null,
    holdout: HOLDOUT,
    incumbentHoldout: incumbent && HOLDOUT,
    candidateTrainedOnRows: 0,
    incumbentTrainedOnRows: 0,
    ownEvaluation: false,
    metrics: [
      {
        name: 'rmse',
        slice: null,
        rows: 1_000,
        candidate: 1,
        incumbent: incumbent && 2,
        difference: incumbent && -1,
        intervals: incumbent && { '0.95': [-1.1, -0.9] },
        method: 'paired-bootstrap',
        clusters: null,
      },
    ],
  };
}
