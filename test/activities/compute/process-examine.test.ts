import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createProcessCompute,
  type ProcessComputeOptions,
} from '../../../activities/compute/process.js';
import type { Examined } from '../../../temporal/contracts/job.js';

const STAND_IN = fileURLToPath(new URL('stand-in', import.meta.url));

describe('an examination of a target of processes', () => {
  let base: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'modelyard-examine-'));
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  const examine = (changes: Partial<ProcessComputeOptions> = {}): Promise<Examined[]> =>
    createProcessCompute({
      directory: join(base, 'jobs'),
      python: 'python3',
      harness: STAND_IN,
      home: join(base, 'home'),
      registry: { trackingUri: 'http://127.0.0.1:5000', env: {} },
      slots: { cpu: 2, memoryMiB: 4096 },
      secrets: () => undefined,
      ...changes,
    }).examine();
  /** The only thing that is not in order. */
  const wrong = async (changes: Partial<ProcessComputeOptions>) => {
    const found = (await examine(changes)).filter(({ ok }) => !ok);
    expect(found).toHaveLength(1);
    return found[0];
  };
  const saying = (what: string, detail: RegExp) => ({
    what,
    ok: false,
    detail: expect.stringMatching(detail) as string,
  });

  it('S12 tells what jobs would run with, and leaves nothing in their directories', async () => {
    expect(await examine()).toEqual([
      {
        what: 'python',
        ok: true,
        detail: expect.stringMatching(/^3\.\d+\.\d+, python3$/) as string,
      },
      { what: 'harness', ok: true, detail: STAND_IN },
      { what: 'jobs directory', ok: true, detail: join(base, 'jobs') },
      { what: 'home', ok: true, detail: join(base, 'home') },
      { what: 'slots', ok: true, detail: '2 cpu, 4096 MiB: room for jobs of class cpu' },
    ]);
    expect(await readdir(base, { recursive: true })).toEqual(['home', 'jobs']);
  });

  it('S12 names an interpreter that is not there', async () => {
    const python = join(base, 'python');
    expect(await wrong({ python })).toEqual(
      saying('python', /\/python: spawn .*ENOENT; correct the worker's configuration file$/),
    );
  });

  it('S12 names an interpreter that says nothing in time', { timeout: 30_000 }, async () => {
    const python = join(base, 'python');
    await writeFile(python, '#!/bin/sh\nexec sleep 600\n');
    await chmod(python, 0o755);
    expect(await wrong({ python })).toEqual(saying('python', /\/python: no answer within 10 s/));
  });

  it('S12 names the packages that the environment of the interpreter lacks', async () => {
    const lines = [
      'pip==1',
      'no-such-package==1',
      'nor-this-one==2',
      "elsewhere==1 ; python_version < '3'",
    ];
    await writeFile(join(base, 'requirements.txt'), lines.join('\n'));
    const found = (await examine({ harness: base })).filter(({ ok }) => !ok);
    expect(found).toEqual([
      saying(
        'python',
        /lacks \d of the 3 packages of .*requirements\.txt \(.*no-such-package, nor-this-one\)/,
      ),
      saying('harness', /modelyard\/__main__\.py/),
    ]);
  });

  it('S12 names a jobs directory that cannot be one', async () => {
    const directory = join(base, 'file');
    await writeFile(directory, '');
    expect(await wrong({ directory })).toEqual(saying('jobs directory', /\/file/));
  });

  it('S12 names slots that no job fits in', async () => {
    expect(await wrong({ slots: { cpu: 0.5, memoryMiB: 4096 } })).toEqual(
      saying('slots', /^0\.5 cpu, 4096 MiB: no class of jobs has room in it/),
    );
  });
});
