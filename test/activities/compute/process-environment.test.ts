import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProcessCompute } from '../../../activities/compute/process.js';
import { compile, type Compiled } from './compiled.js';
import { makeStand, type Stand } from './stand.js';

const RESULT = { rows: 3 };
let compiled: Compiled;
let stand: Stand;
beforeAll(() => {
  compiled = compile();
});
afterAll(() => {
  compiled[Symbol.dispose]();
});
beforeEach(async () => {
  stand = await makeStand(compiled, { slots: { cpu: 2, memoryMiB: 8192, gpu: 2 }, graceMs: 300 });
});
afterEach(() => stand.dispose());

describe('the environment of a job', () => {
  it("holds the contract's variables and named secrets, and nothing else of the worker's", async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'of the worker';
    const compute = createProcessCompute({
      ...stand.options,
      registry: { trackingUri: 'http://mlflow:5000', env: { MLFLOW_TRACKING_TOKEN: 'token' } },
      secrets: (name) => (name === 'feature-store' ? 'of the job' : undefined),
    });
    const job = stand.job(
      { publishesEnvironment: true },
      { secrets: { STORE_KEY: 'feature-store' }, resources: { class: 'gpu' } },
    );
    const end = await stand.end(await compute.ensure(job), compute);
    delete process.env['AWS_SECRET_ACCESS_KEY'];

    if (end.phase !== 'succeeded') throw new Error(`expected a result, got ${JSON.stringify(end)}`);
    const { environment, cwd } = end.result as { environment: Record<string, string>; cwd: string };
    expect(environment).toMatchObject({
      MLFLOW_TRACKING_URI: 'http://mlflow:5000',
      MLFLOW_TRACKING_TOKEN: 'token',
      STORE_KEY: 'of the job',
      OMP_NUM_THREADS: '2',
      MODELYARD_HOME: stand.options.home,
      CUDA_VISIBLE_DEVICES: '0',
    });
    const allowed =
      /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|PWD|OLDPWD|SHLVL|_|MODELYARD_.*|PYTHONPATH|MLFLOW_TRACKING_.*|.*_NUM_THREADS|STORE_KEY|CUDA_VISIBLE_DEVICES)$/;
    expect(Object.keys(environment).filter((name) => !allowed.test(name))).toEqual([]);
    expect(cwd).toBe(stand.files(job).scratch);
  });

  it('stays out of files: no secret is found below the jobs directory', async () => {
    const compute = createProcessCompute({ ...stand.options, secrets: () => 'hunter2-hunter2' });
    const job = stand.job({ publishes: RESULT }, { secrets: { STORE_KEY: 'feature-store' } });
    await stand.end(await compute.ensure(job), compute);
    const found = execFileSync('sh', [
      '-c',
      'grep -rl hunter2-hunter2 "$1" || true',
      'sh',
      stand.options.directory,
    ]);
    expect(found.toString()).toBe('');
  });

  it('without a secret it names is refused before anything is created', async () => {
    const job = stand.job({}, { secrets: { STORE_KEY: 'feature-store' } });
    await expect(stand.compute.ensure(job)).rejects.toMatchObject({
      type: 'Misconfigured',
      message: expect.stringContaining("'feature-store'") as string,
    });
    expect(await stand.compute.known()).toEqual([]);
  });

  it("refuses secrets under the platform's own variables", async () => {
    const job = stand.job({}, { secrets: { LD_PRELOAD: 'feature-store' } });
    await expect(stand.compute.ensure(job)).rejects.toMatchObject({ type: 'InvalidDefinition' });
  });
});
