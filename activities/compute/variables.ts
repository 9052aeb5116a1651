import { failure } from '../../temporal/errors.js';

/** How the interpreter and the loader find code: a secret of this name would change what runs. */
const OWN = /^(?:MODELYARD_|PYTHON|LD_|DYLD_)/;

/** Whether an environment variable is the platform's, so that nobody else may set it. */
export function isPlatforms(variable: string): boolean {
  return OWN.test(variable) || variable === 'PATH';
}

/** Refuses a secret whose variable is the platform's or one of `taken`. */
export function refusePlatforms(variable: string, taken: readonly string[]): void {
  if (!isPlatforms(variable) && !taken.includes(variable)) return;
  throw failure(
    'InvalidDefinition',
    `training.secrets.${variable}: this variable is the platform's; choose another name`,
  );
}

/** For libraries that would else start a thread for each core of the machine. */
export function threadLimits(cpu: number): Record<string, string> {
  const threads = String(Math.max(1, Math.floor(cpu)));
  return { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads, MKL_NUM_THREADS: threads };
}
