import type { V1Container, V1EnvVar, V1ResourceRequirements } from '@kubernetes/client-node';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import type { Size } from '../classes.js';
import { harnessEnvironment, imageEnvironment, PATHS, plain, secretsOf } from './environment.js';
import { literal, refuseImage } from './images.js';
import type { JobSettings } from './options.js';

/** The one that publishes the result. */
export const MAIN = 'main';
/** The one that runs a team's own image. */
export const TRAIN = 'train';
export const GPU = 'nvidia.com/gpu';

/** A container's directory: its volume, and where it is mounted. */
type Mounts = Readonly<Record<string, string | { readonly path: string; readonly readOnly: true }>>;
type Program = Extract<JobSpec['program'], { kind: 'image' }>;
type Parts = Pick<
  V1Container,
  'name' | 'image' | 'args' | 'command' | 'env' | 'terminationMessagePolicy'
>;

const readOnly = (path: string) => ({ path, readOnly: true }) as const;
const HARNESS: Mounts = {
  input: readOnly(PATHS.input),
  home: PATHS.home,
  tmp: PATHS.temporary,
  output: PATHS.output,
};

export interface Containers {
  readonly initContainers?: V1Container[];
  readonly containers: [V1Container];
}

/**
 * The harness alone, or a team's image between two containers of the harness: the first keeps the holdout and the
 * credentials away from it, the last looks at what it made and publishes that.
 */
export function containersOf(job: JobSpec, settings: JobSettings, size: Size): Containers {
  const { program } = job;
  if (program.kind === 'image') return aroundImage(job, program, { settings, size });
  const own = harnessEnvironment(job, settings, size);
  return {
    containers: [
      container(
        {
          name: MAIN,
          image: settings.image,
          args: [program.step],
          env: [...own, ...secretsOf(job, settings, own)],
        },
        HARNESS,
        resources(size),
      ),
    ],
  };
}

function aroundImage(
  job: JobSpec,
  program: Program,
  { settings, size }: { settings: JobSettings; size: Size },
): Containers {
  refuseImage(program.image, settings.images ?? []);
  const harness = harnessEnvironment(job, settings, size);
  const secrets = secretsOf(job, settings, harness);
  const small = resources({ ...size, gpu: 0 });
  const kept = { rows: PATHS.rows, kept: PATHS.kept };
  const of = (name: string, step: string, env: V1EnvVar[]): Parts => ({
    name,
    image: settings.image,
    args: [step],
    env: [...harness, ...env],
  });
  return {
    initContainers: [
      container(
        of('prepare', 'prepare', [
          ...plain({ MODELYARD_ROWS: PATHS.rows, MODELYARD_KEPT: PATHS.kept }),
          ...secrets,
        ]),
        { ...HARNESS, ...kept },
        small,
      ),
      ownImage(program, [...imageEnvironment(size), ...secrets], resources(size)),
    ],
    containers: [
      container(
        of(
          MAIN,
          'publish',
          plain({ MODELYARD_KEPT: PATHS.kept, MODELYARD_TRAINED: PATHS.trained }),
        ),
        { ...HARNESS, kept: readOnly(PATHS.kept), trained: readOnly(PATHS.trained) },
        small,
      ),
    ],
  };
}

function ownImage(
  { image, command }: Program,
  env: V1EnvVar[],
  size: V1ResourceRequirements,
): V1Container {
  const mounts: Mounts = {
    rows: readOnly(PATHS.rows),
    trained: PATHS.output,
    scratch: PATHS.temporary,
  };
  const parts = {
    name: TRAIN,
    image,
    env,
    ...(command && { command: command.map(literal) }),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  return container(parts, mounts, size);
}

function container(parts: Parts, mounts: Mounts, size: V1ResourceRequirements): V1Container {
  return {
    // The log's tail is read apart; here it would be taken for a result that is broken.
    terminationMessagePolicy: 'File',
    ...parts,
    resources: size,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    terminationMessagePath: PATHS.terminationLog,
    volumeMounts: Object.entries(mounts).map(([name, at]) =>
      typeof at === 'string'
        ? { name, mountPath: at }
        : { name, mountPath: at.path, readOnly: true },
    ),
  };
}

/** Memory is a limit, and gpus have to be one; cpu is a share, so that what is idle is used. */
function resources({ cpu, memoryMiB, gpu }: Size): V1ResourceRequirements {
  const memory = `${String(memoryMiB)}Mi`;
  const gpus = gpu > 0 && { [GPU]: String(gpu) };
  return {
    requests: { cpu: `${String(Math.ceil(cpu * 1000))}m`, memory, ...gpus },
    limits: { memory, ...gpus },
  };
}
