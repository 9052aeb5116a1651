import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createProcessCompute } from '../../../activities/compute/process.js';
import { createOrAdopt } from '../../../activities/compute/process/job-directory.js';
import { buildDirectory, trashDirectory } from '../../../activities/compute/process/layout.js';
import { compile, type Compiled } from './compiled.js';
import { makeStand, type Stand, until } from './stand.js';

const RESULT = { rows: 3 };
let compiled: Compiled;
let stand: Stand;
beforeAll(() => {
  compiled = compile();
});
afterAll(() => {
  compiled[Symbol.dispose]();
});
afterEach(() => stand.dispose());

describe('a full disk', () => {
  it('makes a new job wait for room with a retryable failure, and leaves no half of it (F31)', async (context) => {
    using disk = smallDisk();
    stand = await makeStand(compiled, disk && { directory: join(disk.path, 'jobs') });
    if (disk === undefined)
      return context.skip('no small disk can be mounted here (mount -t tmpfs was refused)');
    const job = stand.job({ publishes: RESULT });
    await mkdir(stand.options.directory);
    disk.fill();
    await expect(stand.compute.ensure(job)).rejects.toMatchObject({
      type: 'ComputeUnavailable',
      nonRetryable: false,
    });
    expect(await stand.compute.known()).toEqual([]);
    expect(await readdir(buildDirectory(stand.options.directory)).catch(() => [])).toEqual([]);
    disk.free();
    expect(await stand.end(await stand.compute.ensure(job))).toEqual({
      phase: 'succeeded',
      result: RESULT,
    });
  });

  it('delays the news of an end until it can be written, and loses nothing (F31)', async (context) => {
    using disk = smallDisk();
    stand = await makeStand(compiled, disk && { directory: join(disk.path, 'jobs') });
    if (disk === undefined)
      return context.skip('no small disk can be mounted here (mount -t tmpfs was refused)');
    const gate = join(stand.options.home, '..', 'gate');
    const job = stand.job({ publishes: RESULT, thenWaitsFor: gate });
    const ref = await stand.compute.ensure(job);
    await until(() =>
      Promise.resolve(existsSync(join(stand.files(job).output, 'result.json')) ? true : undefined),
    );
    disk.fill();
    await writeFile(gate, '');
    await until(async () => ((await stand.events()).length === 2 ? true : undefined));
    expect((await stand.compute.observe(ref)).phase).toBe('running');
    disk.free();
    expect(await stand.end(ref)).toEqual({ phase: 'succeeded', result: RESULT });
    expect(await stand.timesRun(job)).toBe(1);
  });
});

describe('a disk that fills while jobs wait', () => {
  it('stops no one for good: all run once when there is room again (F31, I8)', async (context) => {
    using disk = smallDisk();
    stand = await makeStand(
      compiled,
      disk && { directory: join(disk.path, 'jobs'), slots: { cpu: 1, memoryMiB: 4096 } },
    );
    if (disk === undefined)
      return context.skip('no small disk can be mounted here (mount -t tmpfs was refused)');
    const gate = join(stand.options.home, '..', 'gate');
    const holder = stand.job({ publishes: RESULT, thenWaitsFor: gate });
    const waiting = stand.job({ publishes: RESULT });
    const holderRef = await stand.compute.ensure(holder);
    const waitingRef = await stand.compute.ensure(waiting);
    await until(() =>
      Promise.resolve(
        existsSync(join(stand.files(holder).output, 'result.json')) ? true : undefined,
      ),
    );
    await until(async () =>
      (await stand.compute.observe(waitingRef)).phase === 'queued' ? true : undefined,
    );
    disk.fill();
    await writeFile(gate, '');
    await until(async () =>
      (await stand.events()).some(({ event }) => event === 'end') ? true : undefined,
    );
    disk.free();
    for (const ref of [holderRef, waitingRef])
      expect(await stand.end(ref)).toEqual({ phase: 'succeeded', result: RESULT });
    for (const job of [holder, waiting]) expect(await stand.timesRun(job)).toBe(1);
  });
});

describe('retention', () => {
  it('removes ended jobs after their time, and never one that waits or runs', async () => {
    stand = await makeStand(compiled);
    const ended = stand.job({ publishes: RESULT });
    const endedRef = await stand.compute.ensure(ended);
    await stand.end(endedRef);
    const running = stand.job({ sleepsMs: 600_000 });
    const runningRef = await stand.compute.ensure(running);

    expect(await stand.compute.removeExpired()).toEqual([]);
    const forgetful = createProcessCompute({ ...stand.options, retentionMs: 0 });
    expect(await forgetful.removeExpired()).toEqual([ended.name]);
    expect((await stand.compute.observe(endedRef)).phase).toBe('vanished');
    expect(await stand.compute.known()).toMatchObject([
      { name: running.name, uid: runningRef.uid, owner: running.owner, finishedAt: null },
    ]);
    expect(existsSync(trashDirectory(stand.options.directory))).toBe(false);
  });

  it('clears away what a worker left half-made, once it is old', async () => {
    stand = await makeStand(compiled);
    const { directory } = stand.options;
    await stand.end(await stand.compute.ensure(stand.job({ publishes: RESULT })));
    const [old, fresh] = [
      join(buildDirectory(directory), 'old'),
      join(buildDirectory(directory), 'fresh'),
    ];
    await mkdir(old, { recursive: true });
    await mkdir(fresh);
    const longAgo = new Date(Date.now() - 7_200_000);
    await utimes(old, longAgo, longAgo);
    await stand.compute.removeExpired();
    expect(await readdir(buildDirectory(directory))).toEqual(['fresh']);
  });
});

describe('a jobs directory', () => {
  it('that cannot be written is named as a matter of configuration', async () => {
    stand = await makeStand(compiled);
    const file = join(stand.options.home, '..', 'a-file');
    await writeFile(file, '');
    const compute = createProcessCompute({ ...stand.options, directory: join(file, 'jobs') });
    await expect(compute.ensure(stand.job({}))).rejects.toMatchObject({ type: 'Misconfigured' });
  });

  it('keeps the records of jobs from other users', async () => {
    stand = await makeStand(compiled);
    await mkdir(stand.options.directory);
    const job = stand.job({});
    await createOrAdopt(stand.options.directory, job);
    expect((await stat(stand.files(job).record)).mode & 0o077).toBe(0);
  });
});

interface SmallDisk extends Disposable {
  readonly path: string;
  fill(): void;
  free(): void;
}

/** A file system of 1 MiB; undefined where none can be mounted. */
function smallDisk(): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'modelyard-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: () => {
      writeUntilFull(ballast);
    },
    free: () => {
      rmSync(ballast, { force: true });
    },
    [Symbol.dispose]: () => {
      execFileSync('umount', ['-l', path]);
      rmSync(path, { recursive: true });
    },
  };
}

function writeUntilFull(path: string): void {
  for (;;) {
    try {
      writeFileSync(path, Buffer.alloc(4096), { flag: 'a' });
    } catch {
      return;
    }
  }
}
