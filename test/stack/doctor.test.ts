import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doctor, ofCompute } from './support/doctor.js';
import { connected, type Connected } from './support/platform.js';
import { stackWorkerConfig, takeWorkersPlace } from './support/worker-process.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

describe('modelyard doctor', () => {
  it('S12 finds everything in order, and what jobs run with', async () => {
    const { code, findings } = await doctor(on.stack);
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(code).toBe(0);
    expect(ofCompute(findings).map(({ check }) => check)).toEqual(
      ['python', 'harness', 'jobs directory', 'home', 'slots'].map(
        (what) => `compute local ${what}`,
      ),
    );
  });

  it('S12 tells of each target what is not in order, before a retrain does', async () => {
    const config = await stackWorkerConfig();
    const { local } = config.compute.targets;
    if (local?.kind !== 'process') throw new Error('expected the stack to run jobs as processes');
    const folder = await mkdtemp(join(tmpdir(), 'modelyard-doctor-'));
    const python = join(folder, 'python');
    const targets = { local, another: { ...local, python } };
    const worker = await takeWorkersPlace(on, {
      config: { ...config, compute: { default: 'local', targets } },
      folder,
    });
    try {
      const { code, findings } = await doctor(on.stack);
      expect(code).toBe(1);
      expect(findings.filter(({ ok }) => !ok)).toEqual([
        {
          check: 'compute another python',
          ok: false,
          detail: `${python}: spawn ${python} ENOENT; correct the worker's configuration file`,
        },
      ]);
      expect(ofCompute(findings)).toHaveLength(10);
    } finally {
      await worker.giveBack();
      await rm(folder, { recursive: true });
    }
  });

  it('S12 says that compute could not be looked at when no worker answers', async () => {
    on.stack.worker.kill('SIGKILL');
    try {
      const { code, findings } = await doctor(on.stack);
      expect(code).toBe(1);
      expect(ofCompute(findings)).toEqual([
        {
          check: 'compute',
          ok: false,
          detail: expect.stringMatching(/^could not be looked at: (no|No) worker/) as string,
        },
      ]);
    } finally {
      await on.stack.worker.restart();
    }
  });
});
