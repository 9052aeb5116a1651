import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model } from '../../workflows/policy/tag/tags.js';
import { startRollout } from '../../workflows/support/runs.js';
import { TagOnServer } from '../../workflows/support/tag.js';
import { startWorld, unique, until, type World } from '../../workflows/support/world.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let world: World;
let directory: string;
let tag: TagOnServer;

beforeAll(async () => {
  world = await startWorld();
  directory = await mkdtemp(join(tmpdir(), 'modelyard-cli-'));
  const checks = [{ metric: 'disagreement_rate', max: 0.05 }];
  await writeFile(join(directory, 'checks.json'), JSON.stringify(checks));
  tag = new TagOnServer(world, unique('cli'));
  await tag.define();
  for (const version of [1, 2]) world.registry.add(tag.tag, model(version));
  await (await startRollout(world, tag.tag, { version: 1 })).result();
  world.predictions.show(tag.tag, {
    ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1`, answered: 90, failed: 10 },
  });
}, 600_000);
afterAll(async () => {
  await rm(directory, { recursive: true });
  await world[Symbol.asyncDispose]();
});

/** The command as a process of its own, by bob. */
function modelyard(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const settings = { TEMPORAL_ADDRESS: world.address, MODELYARD_TASK_QUEUE: world.taskQueue };
  const env = { ...process.env, ...settings, MODELYARD_ACTOR: 'bob' };
  const loader = `${root}scripts/typescript-sources.mjs`;
  const command = ['--import', loader, `${root}sdk/cli/main.ts`, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env, cwd: directory }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const started = async (...flags: string[]): Promise<string> => {
  const window = ['start', tag.tag, '2', '--reason', 'compare', '--checks', 'checks.json'];
  const { stdout, stderr } = await modelyard('shadow', ...window, '--min-requests', '10', ...flags);
  expect(stderr).toContain('run shadow/');
  return stdout.trim();
};

describe('modelyard shadow', () => {
  it('S1 starts a window, moves its end, lists it, ends it, and reports what it showed', async () => {
    const run = await started('--duration', '1h', '--sampling', '50');
    await until(
      async () => (await tag.status()).shadow?.workflowId,
      (workflowId) => workflowId === run,
    );
    expect(world.routing.at(tag.tag).route.mirror?.samplingPercent).toBe(50);
    const later = new Date(Date.now() + 2 * 3_600_000).toISOString();
    const extended = await modelyard('shadow', 'extend', run, '--until', later);
    expect(extended).toMatchObject({ code: 0 });
    expect(world.routing.at(tag.tag).route.mirror?.until).toBe(later);
    await until(
      async () => (await modelyard('shadow', 'list', tag.tag)).stdout,
      (shown) => shown.includes(run) && shown.includes('window'),
    );
    expect(await modelyard('shadow', 'end', run, '--reason', 'enough')).toMatchObject({ code: 0 });
    const { stdout } = await modelyard('shadow', 'report', run);
    for (const line of [
      ...[/verdict +passed/, /extended +yes/, /mirrored +90, 0 dropped/, /failed +10/],
      ...[/route +read back as before/, /disagreement_rate +passed +0\.01/],
      ...[/requests +passed/, /disagreement_rate +0\.01$/m],
    ])
      expect(stdout).toMatch(line);
  });

  it('S1 waits for the report when it is told to follow, and knows no other run', async () => {
    const json = await modelyard(
      ...['--json', 'shadow', 'start', tag.tag, '2', '--reason', 'compare', '--follow'],
      ...['--checks', 'checks.json', '--min-requests', '10', '--duration', '2s'],
    );
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: 'passed', routeRestored: true });
    const rollout = await startRollout(world, tag.tag, { version: 1 });
    const other = await modelyard('shadow', 'report', rollout.workflowId);
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toContain('expected the id of a shadow run');
  });
});
