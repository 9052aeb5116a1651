import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageDefinition } from '../fixtures/definition.js';
import {
  startTemporal,
  startWorker,
  type RunningWorker,
  type TemporalServer,
} from '../fixtures/server.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const TASK_QUEUE = 'cli';
let server: TemporalServer;
let worker: RunningWorker;
let directory: string;
let tag: string;

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The command as a process of its own, settings from the environment, nothing from a terminal. */
function modelyard(...args: string[]): Promise<Ended> {
  const environment = {
    ...process.env,
    TEMPORAL_ADDRESS: server.address,
    MODELYARD_TASK_QUEUE: TASK_QUEUE,
    MODELYARD_ACTOR: 'alice',
  };
  const command = [
    '--import',
    `${root}scripts/typescript-sources.mjs`,
    `${root}sdk/cli/main.ts`,
    ...args,
  ];
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      command,
      { env: environment, cwd: directory },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

/** As `modelyard … | head`, whose reader is gone before the first line. */
async function unread(...args: string[]): Promise<{ code: number | null; stderr: string }> {
  const loader = `${root}scripts/typescript-sources.mjs`;
  const child = spawn(process.execPath, ['--import', loader, `${root}sdk/cli/main.ts`, ...args]);
  child.stdout.destroy();
  const [stderr, code] = await Promise.all([
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { code, stderr };
}

beforeAll(async () => {
  server = await startTemporal();
  worker = await startWorker(server.address, TASK_QUEUE);
  directory = await mkdtemp(join(tmpdir(), 'modelyard-cli-'));
  tag = `c-${randomUUID().slice(0, 8)}`;
  await writeFile(join(directory, 'modelyard.json'), JSON.stringify(imageDefinition(tag)));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await worker.stop();
  await server[Symbol.asyncDispose]();
});

describe('modelyard', () => {
  it('applies the definition beside it, retrains by one word, and shows what happened', async () => {
    expect(await modelyard('apply')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(`^created +${tag}\ndigest .*\ntask +regression\nfeatures +1\nschedule +–\n$`),
      ) as string,
    });
    const retrained = await modelyard('retrain', tag, '--follow');
    expect(retrained).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/decision +not-better/) as string,
    });
    expect(retrained.stderr).toMatch(/✔ gate done/);
    expect((await modelyard('status', tag)).stdout).toMatch(/owner +delays/);
    const ledger = JSON.parse((await modelyard('--json', 'ledger', tag)).stdout) as {
      action: string;
      actor: string;
    }[];
    expect(ledger).toMatchObject([{ action: 'define', actor: 'alice' }]);
    expect(await modelyard('verify', tag)).toMatchObject({ code: 0, stdout: '1 entries hold\n' });
  });

  it('exits 3 when the run came to another decision than expected, and 1 when it failed', async () => {
    expect((await modelyard('retrain', tag, '--expect', 'promoted')).code).toBe(3);
    const failed = await modelyard(
      'retrain',
      tag,
      '--follow',
      '--params',
      '{"fail":"KeyError: x"}',
    );
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/RunFailedError: .*KeyError: x/) as string,
    });
  });

  it('exits 2 for a wrong command line, and 1 with a sentence for a refusal', async () => {
    expect((await modelyard('retrain')).code).toBe(2);
    expect((await modelyard('rollback', tag)).code).toBe(2);
    expect((await modelyard('rollback', tag, '--reason', 'r', '--from', 'seven')).code).toBe(2);
    expect(await modelyard('status', 'nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^UnknownTagError: /) as string,
    });
    const refused = JSON.parse((await modelyard('--json', 'status', 'nobody')).stderr) as object;
    expect(refused).toMatchObject({ error: { code: 'UnknownTag', tag: 'nobody' } });
  });

  it('refuses a malformed argument by its own words', async () => {
    for (const [args, told] of [
      [['promote', tag, 'abc', '--reason', 'r'], /expected a version number, got 'abc'/],
      [['runs', '--limit', 'x'], /expected a whole number from 1 on, got 'x'/],
      [['runs', '--kind', 'dance'], /Allowed choices are retrain/],
      [['runs', '--state', 'sad'], /Allowed choices are running/],
      [['live-at', tag, 'yesterday'], /expected an ISO-8601 instant/],
    ] as const) {
      expect(await modelyard(...args)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(told) as string,
      });
    }
  });

  it('names the file it cannot read, and stays JSON for programs', async () => {
    await writeFile(join(directory, 'broken.json'), '{');
    expect(await modelyard('score', tag, 'broken.json')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^InvalidRequestError: broken\.json: expected JSON: .*\n$/,
      ) as string,
    });
    expect(await modelyard('simulate', tag, '--policy', 'absent.json')).toMatchObject({
      code: 1,
      stderr: 'InvalidRequestError: absent.json: expected a file that can be read, got ENOENT\n',
    });
    const { stderr } = await modelyard('--json', 'score', tag, '-');
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: 'InvalidRequest',
        message: 'standard input: expected JSON, got nothing',
      },
    });
  });

  it('tells which model was live at an instant, and cancels a run', async () => {
    const live = await modelyard('--json', 'live-at', tag, new Date().toISOString());
    expect(JSON.parse(live.stdout)).toEqual({ live: null, entry: null });
    expect(await modelyard('cancel', `retrain/${tag}/none`, '--reason', 'r')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^UnknownRunError: /) as string,
    });
  });

  it('ends quietly when nobody reads on', async () => {
    expect(await unread('--help')).toEqual({ code: 0, stderr: '' });
  });

  it('explains itself', async () => {
    const { code, stdout } = await modelyard('--help');
    expect(code).toBe(0);
    for (const verb of [
      'dev',
      'doctor',
      'apply',
      'retrain',
      'status',
      'runs',
      'ledger',
      'verify',
      'promote',
      'demote',
      'rollback',
      'quarantine',
      'release',
      'approve',
      'reject',
      'withdraw',
      'freeze',
      'unfreeze',
      'retire',
      'ledger-head',
      'score',
      'simulate',
      'schedules',
      'evaluate',
      'cancel',
      'live-at',
      'reconcile',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${verb}\\b`, 'm'));
    }
    expect(stdout).toContain('Exit codes');
    expect((await modelyard('--version')).stdout).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('reconciles a tag or all of them, and ends with 1 when something still differs', async () => {
    expect(await modelyard('reconcile')).toMatchObject({ code: 0, stdout: 'nothing differs\n' });
    const { code, stdout } = await modelyard('reconcile', tag);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`${tag} +yes +it differs\n$`)) as string,
    });
    const reported = await modelyard('--json', 'reconcile', tag, '--dry-run');
    expect(reported.code).toBe(1);
    expect(JSON.parse(reported.stdout)).toEqual({
      findings: [{ tag, what: 'it differs', repaired: false }],
    });
  });

  it('examines what it depends on', async () => {
    const { code, stdout } = await modelyard('--json', 'doctor');
    expect(code).toBe(0);
    const findings = JSON.parse(stdout) as { check: string; ok: boolean }[];
    expect(findings.map(({ check, ok }) => [check, ok])).toEqual(
      expect.arrayContaining([
        ['Temporal', true],
        ['search attributes', true],
        ['worker', true],
        ['compute local slots', true],
      ]),
    );
  });

  it('finds a worker that is gone, however recently it was there', async () => {
    await worker.stop();
    try {
      const { code, stdout } = await modelyard('--json', 'doctor');
      expect(code).toBe(1);
      const findings = JSON.parse(stdout) as { check: string; ok: boolean; detail: string }[];
      expect(findings.find(({ check }) => check === 'worker')).toMatchObject({
        ok: false,
        detail: expect.stringContaining(TASK_QUEUE) as string,
      });
    } finally {
      worker = await startWorker(server.address, TASK_QUEUE);
    }
  });
});
