import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { beforeEach, describe, expect, test } from 'vitest';

import { packageRoot } from '../../../sdk/dev/setup/locations.mjs';
import { withLock } from '../../../sdk/dev/setup/lock.mjs';
import { temporaryDirectory } from '../../temporal/server/stand-in.js';

let directory: string;

beforeEach(async () => {
  directory = join(await temporaryDirectory(), 'lock');
});

describe('a lock between processes', () => {
  test('lets one caller in at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 6 }, () => withLock(directory, work)));
    expect(most).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  test('is free again after work that failed', async () => {
    await expect(withLock(directory, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(directory, () => Promise.resolve('in'))).toBe('in');
  });

  test('says once that it waits', async () => {
    const waits: string[] = [];
    const first = withLock(directory, () => sleep(700));
    await sleep(50);
    await withLock(directory, () => Promise.resolve(), { onWait: () => waits.push('waiting') });
    await first;
    expect(waits).toEqual(['waiting']);
  });

  test('survives an owner that was killed', async () => {
    const owner = await ownerIn(directory);
    const waiting = withLock(directory, () => Promise.resolve('in'));
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    expect(await waiting).toBe('in');
  });

  test('is not held by a process that merely got the number of the owner', async () => {
    await withLock(directory, () => Promise.resolve());
    await writeFile(join(directory, `${String(process.pid)}-1-1`), '');
    expect(await withLock(directory, () => Promise.resolve('in'))).toBe('in');
  });
});

async function ownerIn(lock: string) {
  const module = join(packageRoot(), 'sdk', 'dev', 'setup', 'lock.mjs');
  const code = `import { withLock } from ${JSON.stringify(module)};
    await withLock(${JSON.stringify(lock)}, () => { console.log('in'); return new Promise(() => setInterval(() => {}, 1000)); });`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  return owner;
}
