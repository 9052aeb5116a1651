import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  identityOf,
  isAlive,
  listFromPs,
  listProcesses,
} from '../../../../activities/compute/process/process-table.js';

describe('the process table', () => {
  it('knows this process and tells it from another of the same id', async () => {
    const own = await identityOf(process.pid);
    if (own === undefined) throw new Error('expected this process, got none');
    expect(await isAlive(own)).toBe(true);
    expect(await isAlive({ ...own, startTime: 'another time' })).toBe(false);
  });

  it('does not take an ended process for a living one', async () => {
    const child = spawn('sleep', ['600']);
    const identity = await identityOf(child.pid ?? 0);
    if (identity === undefined) throw new Error('expected the child, got none');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isAlive(identity)).toBe(false);
  });

  it('does not take a process that nobody has collected for a living one', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    await expect.poll(() => identityOf(Number(line.toString()))).toBeUndefined();
    parent.kill('SIGKILL');
  });

  it('finds a descendant in the group of its leader, by /proc and by ps alike', async () => {
    const leader = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(leader.stdout, 'data')) as [Buffer];
    const descendant = Number(line.toString());
    for (const list of [listProcesses, listFromPs]) {
      const entry = (await list()).find(({ pid }) => pid === descendant);
      expect(entry).toMatchObject({ groupId: leader.pid, ended: false });
      expect(entry?.startTime).toMatch(/\d/);
    }
    process.kill(-(leader.pid ?? 0), 'SIGKILL');
  });
});
