import { Done, RegisteredModelAnswer, type RegisteredModelState } from './answers.js';
import type { Mlflow } from './client.js';
import { isRefusal } from './errors.js';
import { tagPairs } from './tags.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';

/** The registered model's name is the tag. Creating again costs less than reading: a read loads every version. */
export async function ensureRegisteredModel(mlflow: Mlflow, tag: string): Promise<void> {
  const body = { name: tag, tags: tagPairs({ [REGISTRY_TAGS.tag]: tag }, 'model') };
  await mlflow
    .call(`create registered model '${tag}'`, Done, (api) =>
      api.POST('/api/2.0/mlflow/registered-models/create', { body }),
    )
    .catch((error: unknown) => {
      if (!isRefusal(error, 'RESOURCE_ALREADY_EXISTS')) throw error;
    });
}

/** Description, tags and aliases in one consistent read; a search of versions leaves aliases out. */
export async function getRegisteredModel(
  mlflow: Mlflow,
  tag: string,
): Promise<RegisteredModelState> {
  return await mlflow.call(`read registered model '${tag}'`, RegisteredModelAnswer, (api) =>
    api.GET('/api/2.0/mlflow/registered-models/get', { params: { query: { name: tag } } }),
  );
}
