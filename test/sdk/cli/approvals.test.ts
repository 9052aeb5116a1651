import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedgerSigner } from '../../../activities/approvals/ledger-key.js';
import { newKey } from '../../support/ed25519.js';
import { definition, model } from '../../workflows/policy/tag/tags.js';
import { inStage, startRollout } from '../../workflows/support/runs.js';
import { TagOnServer } from '../../workflows/support/tag.js';
import { startWorld, unique, until, type World } from '../../workflows/support/world.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const keys = { ledger: newKey(), ada: newKey(), bob: newKey(), fire: newKey() };
let world: World;
let directory: string;
let tag: TagOnServer;

beforeAll(async () => {
  world = await startWorld({
    ports: { ledgerSigner: createLedgerSigner(keys.ledger.privatePem) },
  });
  directory = await mkdtemp(join(tmpdir(), 'modelyard-cli-'));
  for (const name of ['ada', 'bob', 'fire'] as const)
    await writeFile(join(directory, name), keys[name].privatePem);
  await writeFile(join(directory, 'ledger.pem'), keys.ledger.publicPem);
  tag = new TagOnServer(world, unique('cli'));
  await tag.define({ gate: { ...definition.gate, approval: { required: 1 } } });
  for (const version of [1, 2, 3, 4]) world.registry.add(tag.tag, model(version));
}, 600_000);
afterAll(async () => {
  await rm(directory, { recursive: true });
  await world[Symbol.asyncDispose]();
});

/** The command as a process of its own, by bob; nothing answers at `address` when it is not the world's. */
function modelyard(
  args: string[],
  address = world.address,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    ...{ TEMPORAL_ADDRESS: address, MODELYARD_TASK_QUEUE: world.taskQueue, MODELYARD_ACTOR: 'bob' },
  };
  const loader = `${root}scripts/typescript-sources.mjs`;
  const command = ['--import', loader, `${root}sdk/cli/main.ts`, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env, cwd: directory }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A rollout that ada asked for and that waits for its approver. */
async function waiting(version: number) {
  const run = await startRollout(world, tag.tag, { version });
  await inStage(run, 'approval', 'waiting');
  return run;
}

describe('modelyard', () => {
  it('lists what waits for approval, approves it, and withdraws it with a comment', async () => {
    const run = await waiting(1);
    const list = ['runs', '--waiting-for', 'approval'];
    await until(
      async () => (await modelyard(list)).stdout,
      (shown) => shown.includes(run.workflowId) && shown.includes('approval 0 of 1 until'),
    );
    expect(await modelyard(['approve', run.workflowId])).toMatchObject({
      ...{ code: 0, stdout: `${run.workflowId}: approved\n` },
    });
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    expect(await modelyard(['--json', 'approve', run.workflowId])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"reason": "not-waiting"') as string,
    });
    expect((await modelyard(['withdraw', run.workflowId])).code).toBe(2);
    expect(await modelyard(['withdraw', run.workflowId, '--comment', 'no'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^NoRollbackTargetError: /) as string,
    });
  });

  it('rejects with a comment, which the ledger shows', async () => {
    const run = await waiting(2);
    expect((await modelyard(['reject', run.workflowId, '--comment', 'wrong week'])).code).toBe(0);
    expect(await run.result()).toMatchObject({ outcome: 'rejected' });
    const { stdout } = await modelyard(['ledger', tag.tag, '--limit', '1']);
    expect(stdout).toContain('rejected: wrong week');
    expect(await modelyard(['approve', `evaluate/${tag.tag}/k`])).toMatchObject({ code: 1 });
  });

  it('signs with --signer-key-file, and breaks the glass', async () => {
    using _ = world.approvers.list({
      ada: { keys: [keys.ada.sshLine], breakGlassKeys: [keys.fire.sshLine] },
    });
    const promote = ['promote', tag.tag, '3', '--reason', 'now', '--override', 'seen by hand'];
    expect(await modelyard(promote)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^ApprovalRefusedError: .*to be signed/) as string,
    });
    const broken = await modelyard([
      ...['--signer-key-file', 'fire', '--json'],
      ...[...promote, '--break-glass'],
    ]);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      ...{ action: 'promote', actor: 'ada', reason: 'BREAK GLASS: now' },
    });
    expect((await modelyard(['status', tag.tag])).stdout).toMatch(new RegExp(`live +${tag.tag}/3`));
  });

  it('U1 exports a ledger and its head, and verifies both with nobody to ask', async () => {
    expect((await modelyard(['ledger-head', tag.tag, '--out', 'head.json'])).code).toBe(0);
    expect((await modelyard(['ledger', tag.tag, '--export', 'ledger.jsonl'])).code).toBe(0);
    const kept = ['--head', 'head.json', '--public-key', 'ledger.pem'];
    expect(await modelyard(['verify', tag.tag, ...kept])).toMatchObject({ code: 0 });
    const offline = ['verify', '--file', 'ledger.jsonl', ...kept];
    expect(await modelyard(offline, '127.0.0.1:1')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+ entries hold\n$/) as string,
    });
    const file = join(directory, 'ledger.jsonl');
    await writeFile(file, (await readFile(file, 'utf8')).replace('wrong week', 'right week'));
    expect(await modelyard(offline, '127.0.0.1:1')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^entry \d+ does not hold: its content hashes to/) as string,
    });
    expect(await modelyard(['verify', '--file', 'ledger.jsonl'], '127.0.0.1:1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected --head and --public-key') as string,
    });
  });

  it('U6 freezes a tag until an instant, shows it, and lifts it', async () => {
    const until = ['--until', '2100-01-01T00:00:00Z'];
    const frozen = await modelyard(['freeze', tag.tag, '--reason', 'the fair', ...until]);
    expect(frozen).toMatchObject({ code: 0, stdout: expect.stringContaining('freeze') as string });
    expect((await modelyard(['status', tag.tag])).stdout).toMatch(
      /frozen +by bob until 2100-01-01 00:00:00Z: the fair/,
    );
    expect((await modelyard(['unfreeze', tag.tag, '--reason', 'over'])).code).toBe(0);
    expect((await modelyard(['status', tag.tag])).stdout).toMatch(/frozen +–/);
  });

  it('prints a promote that waits and returns, when told not to follow it', async () => {
    const promote = ['promote', tag.tag, '4', '--reason', 'r', '--override', 'o', '--no-follow'];
    const { code, stdout } = await modelyard(promote);
    expect(code).toBe(0);
    const run = world.client.workflow.getHandle(stdout.trim());
    await inStage(run, 'approval', 'waiting');
    await run.cancel();
    await run.result().catch(() => undefined);
  });

  it('retires a tag', async () => {
    expect(await modelyard(['retire', tag.tag, '--reason', 'no more flights'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/action +retire/) as string,
    });
    expect((await modelyard(['status', tag.tag])).stdout).toMatch(
      /retired +by bob: no more flights/,
    );
  });
});
