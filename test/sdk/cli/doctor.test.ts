import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Examined } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import { startTemporal, startWorker, type TemporalServer } from '../fixtures/server.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const REFUSED = 'quota is used up; free or start what the message names';
const FOUND: Examined[] = [
  { what: 'local python', ok: true, detail: '3.12.1' },
  { what: 'cluster modelyard-jobs', ok: true, detail: 'Jobs may be made' },
];

let server: TemporalServer;
let workflowBundle: { code: string };
beforeAll(async () => {
  server = await startTemporal();
  const logger = new DefaultLogger('ERROR');
  workflowBundle = await bundleWorkflowCode({ workflowsPath: `${root}workflows/index.ts`, logger });
}, 120_000);
afterAll(() => server[Symbol.asyncDispose]());

interface Finding {
  check: string;
  ok: boolean;
  detail: string;
}

function doctor(taskQueue: string, ...options: string[]) {
  const loader = `${root}scripts/typescript-sources.mjs`;
  const command = ['--import', loader, `${root}sdk/cli/main.ts`, ...options, 'doctor'];
  const environment = {
    ...process.env,
    TEMPORAL_ADDRESS: server.address,
    MODELYARD_TASK_QUEUE: taskQueue,
  };
  return new Promise<{ code: number; stdout: string }>((resolve) => {
    execFile(process.execPath, command, { env: environment }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout });
    });
  });
}

/** What it says of compute, and how it ended; the first of its lines have to be there in any case. */
async function ofCompute(taskQueue: string) {
  const { code, stdout } = await doctor(taskQueue, '--json');
  const findings = JSON.parse(stdout) as Finding[];
  const names = findings.map(({ check }) => check);
  expect(names).toEqual(expect.arrayContaining(['Temporal', 'worker', 'MLflow', 'gateway']));
  return { code, compute: findings.filter(({ check }) => check.startsWith('compute')) };
}

/** A worker with the platform's workflows, whose targets are told by the test. */
const startReader = (taskQueue: string, examineCompute: () => Promise<Examined[] | undefined>) =>
  startWorker(server.address, taskQueue, { workflowBundle, activities: { examineCompute } });

const unseen = (why: RegExp) => [
  { check: 'compute', ok: false, detail: expect.stringMatching(why) as string },
];

describe('modelyard doctor, of where jobs run', { timeout: 120_000 }, () => {
  it('S12 tells what the worker found, by target', async () => {
    await using _ = await startReader('healthy', () => Promise.resolve(FOUND));
    expect(await ofCompute('healthy')).toEqual({
      code: 0,
      compute: FOUND.map(({ what, ...found }) => ({ check: `compute ${what}`, ...found })),
    });
  });

  it('S12 tells what is not in order, goes on after it, and ends with 1', async () => {
    const namespace = 'n'.repeat(63);
    const wrong = { what: `cluster ${namespace}`, ok: false, detail: REFUSED };
    await using _ = await startReader('unfit', () => Promise.resolve([wrong, ...FOUND]));
    const { code, stdout } = await doctor('unfit');
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^compute cluster ${namespace} +FAILED +${REFUSED}$`, 'm'));
    expect(stdout).toMatch(/^compute cluster modelyard-jobs +ok +Jobs may be made$/m);
    expect(stdout).toMatch(/^gateway +ok/m);
  });

  it('S12 says in one line why the worker could not look', async () => {
    const refusal = failure('Misconfigured', 'no target can be read');
    await using _ = await startReader('refusing', () => Promise.reject(refusal));
    expect(await ofCompute('refusing')).toEqual({
      code: 1,
      compute: unseen(/^could not be looked at: no target can be read; correct the worker's/),
    });
  });

  it('S12 says in one line that no worker answers', async () => {
    expect(await ofCompute('nobody')).toEqual({
      code: 1,
      compute: unseen(/^could not be looked at: no worker answers$/),
    });
  });

  it('S12 says the same of a worker that has just gone', async () => {
    const reader = await startReader('gone', () => Promise.resolve(FOUND));
    expect(await ofCompute('gone')).toMatchObject({ code: 0 });
    await reader.stop();
    expect(await ofCompute('gone')).toEqual({
      code: 1,
      compute: unseen(/^could not be looked at: No worker took work from the task queue gone/),
    });
  });

  it('S12 says that a worker of an older release cannot look', async () => {
    // Its `read` knows no such question, and a workflow that returns nothing is answered with nothing.
    await using _ = await startReader('older', () => Promise.resolve(undefined));
    expect(await ofCompute('older')).toEqual({
      code: 1,
      compute: unseen(/^could not be looked at: the worker is of an older release; update it$/),
    });
  });
});
