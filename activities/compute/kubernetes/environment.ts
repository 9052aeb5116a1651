import type { V1EnvVar } from '@kubernetes/client-node';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import type { Size } from '../classes.js';
import { refusePlatforms, threadLimits } from '../variables.js';
import { literal } from './images.js';
import type { JobSettings, RegistryAuth } from './options.js';

/** Directories and files of the job contract inside a container. */
export const PATHS = {
  input: '/modelyard/input',
  output: '/modelyard/output',
  home: '/modelyard/home',
  rows: '/modelyard/rows',
  kept: '/modelyard/kept',
  trained: '/modelyard/trained',
  temporary: '/tmp',
  terminationLog: '/dev/termination-log',
} as const;
export const DOCUMENT = 'document.json';

/** What a container of the harness sees besides the job's secrets: where the registry is, and its credentials by reference. */
export function harnessEnvironment(job: JobSpec, settings: JobSettings, size: Size): V1EnvVar[] {
  const { registry, registryAuth, env } = settings;
  const contract = {
    HOME: PATHS.home,
    MODELYARD_INPUT: `${PATHS.input}/${DOCUMENT}`,
    MODELYARD_OUTPUT: PATHS.output,
    MODELYARD_HOME: PATHS.home,
    MODELYARD_TERMINATION_LOG: PATHS.terminationLog,
    MODELYARD_RESULTS: resultsOf(job, settings),
    MODELYARD_ALLOWED_TYPES: JSON.stringify(registry.allowedTypes),
    MLFLOW_TRACKING_URI: registry.trackingUri,
    ...threadLimits(size.cpu),
  };
  return [
    ...plain({ ...env, ...contract }),
    { name: 'MODELYARD_POD', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    ...credentials(registryAuth),
  ];
}

/** What a team's own image sees: its rows and where to leave a model, and nothing of the registry. */
export function imageEnvironment(size: Size): V1EnvVar[] {
  return plain({
    HOME: PATHS.temporary,
    MODELYARD_STEP: 'train',
    MODELYARD_INPUT: `${PATHS.rows}/input.json`,
    MODELYARD_OUTPUT: PATHS.output,
    MODELYARD_TERMINATION_LOG: PATHS.terminationLog,
    ...threadLimits(size.cpu),
  });
}

export const plain = (values: Readonly<Record<string, string>>): V1EnvVar[] =>
  Object.entries(values).map(([name, value]) => ({ name, value: literal(value) }));

/** The job's secrets by reference. Throws when one is not configured, or takes a variable of `taken`. */
export function secretsOf(
  { name: job, target, secrets }: JobSpec,
  settings: JobSettings,
  taken: readonly V1EnvVar[],
): V1EnvVar[] {
  const names = taken.map(({ name }) => name);
  return Object.entries(secrets).map(([variable, secret]) => {
    refusePlatforms(variable, names);
    const reference = settings.secrets?.[secret];
    if (reference !== undefined) return fromSecret(variable, reference);
    throw failure(
      'Misconfigured',
      `job ${job} asks for secret '${secret}', and compute.targets.${target}.secrets has none of that name`,
    );
  });
}

/** Where the job leaves what does not fit into its termination message. */
export function resultsOf(
  { name }: Pick<JobSpec, 'name'>,
  { results }: Pick<JobSettings, 'results'>,
): string {
  return `${results.replace(/\/$/, '')}/jobs/${name}`;
}

function credentials(auth: RegistryAuth | undefined): V1EnvVar[] {
  if (auth === undefined) return [];
  const keys = {
    MLFLOW_TRACKING_USERNAME: auth.username,
    MLFLOW_TRACKING_PASSWORD: auth.password,
    MLFLOW_TRACKING_TOKEN: auth.token,
  };
  return Object.entries(keys).flatMap(([name, key]) =>
    key === undefined ? [] : [fromSecret(name, { secret: auth.secret, key })],
  );
}

const fromSecret = (name: string, { secret, key }: { secret: string; key: string }): V1EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});
