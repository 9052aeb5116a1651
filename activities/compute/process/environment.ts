import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import { refusePlatforms, threadLimits } from '../variables.js';
import { JOB_MARK } from './job-processes.js';
import type { JobFiles } from './layout.js';
import type { Demand } from './records.js';

/** All that a job or a supervisor gets of its worker's environment; everything else may hold the worker's secrets. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'] as const;

export interface EnvironmentOptions {
  readonly python: string;
  readonly harness: string;
  readonly home: string;
  readonly registry: {
    readonly trackingUri: string;
    readonly env: Readonly<Record<string, string>>;
  };
  readonly secrets: (name: string) => string | undefined;
}

export function passedOnEnvironment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Everything a job sees; throws when a secret it names is not configured. */
export function jobEnvironment(
  options: EnvironmentOptions,
  job: { spec: JobSpec; uid: string; files: JobFiles; demand: Demand },
): Record<string, string> {
  const contract = {
    [JOB_MARK]: job.uid,
    MODELYARD_INPUT: job.files.input,
    MODELYARD_OUTPUT: job.files.output,
    MODELYARD_HOME: options.home,
    MODELYARD_PYTHON_BASE: options.python,
    PYTHONPATH: options.harness,
    MLFLOW_TRACKING_URI: options.registry.trackingUri,
    ...threadLimits(job.demand.cpu),
  };
  const secrets = secretValues(job.spec, options.secrets, Object.keys(contract));
  return { ...passedOnEnvironment(), ...secrets, ...options.registry.env, ...contract };
}

function secretValues(
  { name: job, secrets }: JobSpec,
  valueOf: EnvironmentOptions['secrets'],
  taken: readonly string[],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [variable, secret] of Object.entries(secrets)) {
    refusePlatforms(variable, taken);
    const value = valueOf(secret);
    if (value === undefined) {
      throw failure(
        'Misconfigured',
        `job ${job} asks for secret '${secret}', and this worker's configuration has none of that name`,
      );
    }
    values[variable] = value;
  }
  return values;
}
