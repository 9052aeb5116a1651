import type { Compute, KeptJob } from '../../../activities/compute/port.js';
import { specDigest } from '../../../activities/compute/spec-digest.js';
import type {
  Examined,
  JobFailure,
  JobObservation,
  JobRef,
  JobSpec,
} from '../../../temporal/contracts/job.js';
import type { ShadowEvidence } from '../../../temporal/contracts/shadow.js';
import { sha256Hex } from '../../../temporal/digest.js';
import { failure } from '../../../temporal/errors.js';

type Outcome = 'succeeds' | 'runs' | JobFailure['cause'];

/**
 * Jobs in memory. A training's model is as good as `params.quality` says, and an evaluation measures what it was told of
 * both models. `outcome` decides how a job ends, by what it is for and how often its step was tried.
 */
export class MemoryCompute implements Compute {
  readonly jobs = new Map<string, JobSpec>();
  /** The name of each job that was begun, as often as it was. */
  readonly begun: string[] = [];
  readonly cancelled: string[] = [];
  outcome: (job: JobSpec, attempt: number) => Outcome = () => 'succeeds';
  /** What a shadow's job measures of a tag's window. */
  measures: (tag: string) => Record<string, number> = () => ({ disagreement_rate: 0.01 });
  /** Where it says that a job went. */
  placement: string | undefined;
  private readonly qualities = new Map<string, number>();

  ensure(job: JobSpec, seen?: string): Promise<JobRef> {
    const known = this.jobs.get(job.name);
    if (known && specDigest(known) !== specDigest(job))
      return Promise.reject(failure('JobConflict', `another job has the name ${job.name}`));
    if (!known && !seen) {
      this.jobs.set(job.name, job);
      this.begun.push(job.name);
    }
    const { placement } = this;
    const placed = placement !== undefined && { placement };
    return Promise.resolve({ name: job.name, target: job.target, uid: job.name, ...placed });
  }

  observe({ name }: JobRef): Promise<JobObservation> {
    const job = this.jobs.get(name);
    if (!job) return Promise.resolve({ phase: 'vanished', detail: 'it is not there' });
    const attempt = this.jobsOf(job.owner, job.program.step).indexOf(job) + 1;
    const outcome = this.outcome(job, attempt);
    if (outcome === 'succeeds')
      return Promise.resolve({ phase: 'succeeded', result: this.resultOf(job) });
    if (outcome === 'runs') return Promise.resolve({ phase: 'running', detail: 'running' });
    return Promise.resolve({ phase: 'failed', failure: ended(outcome) });
  }

  cancel({ name }: JobRef): Promise<void> {
    this.cancelled.push(name);
    this.jobs.delete(name);
    return Promise.resolve();
  }

  list(): Promise<KeptJob[]> {
    return Promise.all(
      [...this.jobs.values()].map(async (job) => {
        const { phase } = await this.observe({ name: job.name, target: job.target, uid: '' });
        const state = phase === 'running' ? 'active' : 'ended';
        return { name: job.name, target: job.target, owner: job.owner, state };
      }),
    );
  }

  logs(): Promise<string> {
    return Promise.resolve('');
  }

  examine(): Promise<Examined[]> {
    return Promise.resolve([{ what: 'memory', ok: true, detail: 'jobs in memory' }]);
  }

  jobsOf(owner: string, step: JobSpec['program']['step']): JobSpec[] {
    return [...this.jobs.values()].filter(
      (job) => job.owner === owner && job.program.step === step,
    );
  }

  private resultOf(job: JobSpec): unknown {
    const { step } = job.program;
    if (step === 'shadow') return this.compared(job);
    return step === 'train' ? this.trained(job) : this.evaluated(job);
  }

  private compared({ document }: JobSpec): ShadowEvidence {
    const { key, tag, candidate, incumbent, requests } = document as unknown as ShadowEvidence & {
      tag: string;
    };
    const measures = this.measures(tag);
    return {
      ...{ step: 'shadow', key, candidate, incumbent, requests, rows: requests.mirrored },
      measures: Object.fromEntries(
        Object.entries(measures).map(([name, value]) => [
          name,
          { value, interval: null, samples: requests.mirrored },
        ]),
      ),
    };
  }

  private trained({ document }: JobSpec): unknown {
    const { key, params, features } = document as {
      key: string;
      params: { quality?: number };
      features: string[];
    };
    const digest = `sha256:${sha256Hex(key)}`;
    this.qualities.set(digest, params.quality ?? 0.5);
    return {
      ...{ step: 'train', key, features, dataDigest: NOTHING, metrics: {}, ownEvaluation: false },
      model: {
        ...{ uri: `memory:/${key}`, loggedModelId: `m-${key}`, digest },
        files: [{ path: 'MLmodel', sha256: sha256Hex(key), bytes: 1 }],
      },
      rows: { train: 900, holdout: 100, unlabelled: 0, tooYoung: 0 },
      holdout: HOLDOUT,
      trainedOn: { from: null, until: null, holdout: null, timeColumn: null },
    };
  }

  private evaluated({ document }: JobSpec): unknown {
    const { candidate, incumbent } = document as unknown as Record<
      'candidate' | 'incumbent',
      { modelId: string; digest: string } | null
    >;
    const quality = (model: typeof candidate): number | 'NaN' | null => {
      const known = model && (this.qualities.get(model.digest) ?? 0.5);
      return known === -1 ? 'NaN' : known;
    };
    const [ours, theirs] = [quality(candidate), quality(incumbent)];
    const difference =
      typeof ours === 'number' && typeof theirs === 'number' ? ours - theirs : null;
    const metric = {
      ...{ name: 'auc', slice: null, rows: 100, candidate: ours, incumbent: theirs, difference },
      ...{ intervals: null, method: null, clusters: null },
    };
    return {
      ...{ candidate: candidate?.modelId, incumbent: incumbent?.modelId ?? null },
      ...{ holdout: HOLDOUT, incumbentHoldout: incumbent && HOLDOUT, ownEvaluation: false },
      ...{ candidateTrainedOnRows: 0, incumbentTrainedOnRows: 0, metrics: [metric] },
    };
  }
}

/** A quality that no evaluation can measure. */
export const UNMEASURABLE = -1;

const NOTHING = `sha256:${'0'.repeat(64)}`;
const HOLDOUT = { digest: NOTHING, rows: 100 };

const ended = (cause: JobFailure['cause']): JobFailure => ({
  cause,
  exitCode: 1,
  signal: null,
  type: 'ValueError',
  message: `the job ended: ${cause}`,
  traceback: null,
  logTail: '',
});
