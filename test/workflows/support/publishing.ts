import type { JobObservation, JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { callMlflow, plantArtifact } from '../../support/mlflow-api.js';
import { MemoryCompute } from './compute.js';

/** Jobs in memory that publish their models in a real MLflow, as a training does: past what lies before the worker's. */
export class PublishingCompute extends MemoryCompute {
  /** What the store keeps of a file's content; null: nothing. */
  kept: (content: string) => string | null = (content) => content;
  private readonly mlflow: string;
  private readonly published = new Map<string, Promise<{ uri: string; loggedModelId: string }>>();

  constructor(mlflow: string) {
    super();
    this.mlflow = mlflow;
  }

  override async observe(job: JobRef): Promise<JobObservation> {
    const seen = await super.observe(job);
    const spec = this.jobs.get(job.name);
    if (seen.phase !== 'succeeded' || spec?.program.step !== 'train') return seen;
    const result = seen.result as { key: string; model: { files: object[] } };
    // The file's content is the key, as its sum in memory says.
    const files = result.model.files.map((file) => ({ ...file, bytes: result.key.length }));
    const model = { ...result.model, files, ...(await this.once(spec, result.key)) };
    return { phase: 'succeeded', result: { ...result, model } };
  }

  private once({ name, document }: JobSpec, content: string) {
    const { registry } = document as unknown as { registry: Published };
    const made = this.published.get(name) ?? publish(this.mlflow, registry, this.kept(content));
    this.published.set(name, made);
    return made;
  }
}

interface Published {
  runId: string;
  experimentId: string;
}

async function publish(
  mlflow: string,
  { runId, experimentId }: Published,
  content: string | null,
): Promise<{ uri: string; loggedModelId: string }> {
  const created = (await callMlflow(mlflow, 'POST', 'logged-models', {
    experiment_id: experimentId,
    name: 'model',
    source_run_id: runId,
  })) as { model: { info: { model_id: string; artifact_uri: string } } };
  const { model_id: loggedModelId, artifact_uri: uri } = created.model.info;
  if (content !== null) await plantArtifact(mlflow, `${uri}/MLmodel`, Buffer.from(content));
  return { uri, loggedModelId };
}
