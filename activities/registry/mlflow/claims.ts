import { failure } from '../../../temporal/errors.js';
import { Done, RunAnswer, type Run } from './answers.js';
import type { Mlflow } from './client.js';
import { isRefusal } from './errors.js';

/** What a param holds after an attempt to write it: the value given, or the one that was there before. */
export interface Claim {
  won: boolean;
  value: string;
}

/**
 * Params are the one thing of a run that MLflow writes once: of any number of concurrent writers of a key exactly one
 * wins. This is what makes "one run for this key" hold even when an old attempt and a new one create at the same time.
 */
export async function claim(
  mlflow: Mlflow,
  runId: string,
  key: string,
  value: string,
): Promise<Claim> {
  try {
    const body = { run_id: runId, key, value };
    await mlflow.call(`write ${key} once on run ${runId}`, Done, (api) =>
      api.POST('/api/2.0/mlflow/runs/log-parameter', { body }),
    );
    return { won: true, value };
  } catch (error) {
    if (!isChangedParam(error)) throw error;
    const { params } = await getRun(mlflow, runId);
    const held = params[key];
    if (held === undefined) throw error;
    return { won: held === value, value: held };
  }
}

export function isChangedParam(error: unknown): error is Error {
  return (
    isRefusal(error, 'INVALID_PARAMETER_VALUE') &&
    error.message.includes('Changing param values is not allowed')
  );
}

export async function getRun(mlflow: Mlflow, runId: string): Promise<Run> {
  const run = await mlflow.call(`read run ${runId}`, RunAnswer, (api) =>
    api.GET('/api/2.0/mlflow/runs/get', { params: { query: { run_id: runId } } }),
  );
  if (run.runId === runId) return run;
  throw failure('RegistryRefused', `read run ${runId}: MLflow answered with run ${run.runId}`);
}
