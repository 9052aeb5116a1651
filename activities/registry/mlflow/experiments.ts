import { failure } from '../../../temporal/errors.js';
import { CreatedExperiment, ExperimentAnswer } from './answers.js';
import type { Mlflow } from './client.js';
import { isRefusal, mayHaveHappened } from './errors.js';
import { tagPairs } from './tags.js';

export interface Experiment {
  experimentId: string;
  tags: Record<string, string>;
}

/** null when there is none. A deleted one keeps its name, so it is refused (RegistryRefused) rather than replaced. */
export async function findExperiment(mlflow: Mlflow, name: string): Promise<Experiment | null> {
  const params = { query: { experiment_name: name } };
  const found = await mlflow
    .call(`find experiment '${name}'`, ExperimentAnswer, (api) =>
      api.GET('/api/2.0/mlflow/experiments/get-by-name', { params }),
    )
    .catch((error: unknown) => {
      if (isRefusal(error, 'RESOURCE_DOES_NOT_EXIST')) return null;
      throw error;
    });
  if (found?.deleted !== true) return found;
  throw failure(
    'RegistryRefused',
    `experiment '${name}' is deleted in MLflow; restore it (mlflow experiments restore)`,
  );
}

/** The experiment of this name, made with `tags` unless somebody made it first: then it is theirs that counts. */
export async function createExperiment(
  mlflow: Mlflow,
  name: string,
  tags: Record<string, string>,
): Promise<Experiment> {
  const body = { name, tags: tagPairs(tags, 'model') };
  try {
    const { experiment_id } = await mlflow.call(
      `create experiment '${name}'`,
      CreatedExperiment,
      (api) => api.POST('/api/2.0/mlflow/experiments/create', { body }),
    );
    return { experimentId: experiment_id, tags };
  } catch (error) {
    if (!isRefusal(error, 'RESOURCE_ALREADY_EXISTS') && !mayHaveHappened(error)) throw error;
    const found = await findExperiment(mlflow, name);
    if (found === null) throw error;
    return found;
  }
}

export async function ensureExperiment(mlflow: Mlflow, name: string): Promise<Experiment> {
  return (await findExperiment(mlflow, name)) ?? (await createExperiment(mlflow, name, {}));
}
