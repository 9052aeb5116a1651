import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProcessCompute } from '../../../activities/compute/process.js';
import type { JobRef } from '../../../temporal/contracts/job.js';
import { compile, type Compiled } from './compiled.js';
import { begun, makeStand, type Stand, until } from './stand.js';

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

describe('slots', () => {
  it('are never exceeded, and jobs take turns in the order they were asked for', async () => {
    await begun(
      stand,
      stand.job({ waitsFor: gate('first') }, { resources: { class: 'cpu', cpu: 2 } }),
    );
    const jobs = Array.from({ length: 5 }, () => stand.job({ sleepsMs: 150, publishes: RESULT }));
    const refs: JobRef[] = [];
    for (const job of jobs) {
      const ref = await stand.compute.ensure(job);
      await queued(ref);
      refs.push(ref);
    }
    await writeFile(gate('first'), '');
    for (const ref of refs) expect((await stand.end(ref)).phase).toBe('succeeded');

    const events = (await stand.events()).slice(2);
    let running = 0;
    for (const { event } of events) {
      running += event === 'begin' ? 1 : -1;
      expect(running).toBeLessThanOrEqual(2);
    }
    const begins = events
      .filter(({ event }) => event === 'begin')
      .map(({ job }) => jobs.findIndex(({ name }) => name === job));
    // Two slots that fall free at once are taken by the first two, whichever of them is sooner at its first line.
    begins.forEach((index, place) => {
      expect(Math.abs(index - place)).toBeLessThanOrEqual(1);
    });
  });

  it('are waited for in line: a small job does not overtake a big one', async () => {
    await begun(stand, stand.job({ waitsFor: gate('one') }));
    const big = stand.job({ publishes: RESULT }, { resources: { class: 'cpu', cpu: 2 } });
    const small = stand.job({ publishes: RESULT });
    const bigRef = await stand.compute.ensure(big);
    expect(await queued(bigRef)).toBe('waiting for 2 cpu, 2048 MiB; 0 ahead');
    const smallRef = await stand.compute.ensure(small);
    expect(await queued(smallRef)).toBe('waiting for 1 cpu, 2048 MiB; 1 ahead');
    await writeFile(gate('one'), '');
    expect((await stand.end(smallRef)).phase).toBe('succeeded');
    expect(
      (await stand.events())
        .filter(({ event }) => event === 'begin')
        .slice(1)
        .map(({ job }) => job),
    ).toEqual([big.name, small.name]);
  });

  it('are given back by a job that is cancelled while it waits, unrun (F33)', async () => {
    const holder = stand.job({ waitsFor: gate('hold') }, { resources: { class: 'cpu', cpu: 2 } });
    await begun(stand, holder);
    const waiting = stand.job({ publishes: RESULT }, { resources: { class: 'cpu', cpu: 2 } });
    const waitingRef = await stand.compute.ensure(waiting);
    await queued(waitingRef);
    const behind = await stand.compute.ensure(stand.job({ publishes: RESULT }));
    await stand.compute.cancel(waitingRef);
    await writeFile(gate('hold'), '');
    expect((await stand.end(behind)).phase).toBe('succeeded');
    expect(await stand.timesRun(waiting)).toBe(0);
  });

  it('keep two jobs on different gpus', async () => {
    const gpu = { class: 'gpu', cpu: 1, memoryMiB: 512, gpu: 1 } as const;
    const jobs = ['a', 'b'].map(() =>
      stand.job({ publishesEnvironment: true, waitsFor: gate('gpus') }, { resources: gpu }),
    );
    const refs = await Promise.all(jobs.map((job) => stand.compute.ensure(job)));
    await until(async () => ((await stand.events()).length === 2 ? true : undefined));
    await writeFile(gate('gpus'), '');
    const ends = await Promise.all(refs.map((ref) => stand.end(ref)));
    const seen = ends.map((end) =>
      end.phase === 'succeeded'
        ? (end.result as { environment: Record<string, string> }).environment[
            'CUDA_VISIBLE_DEVICES'
          ]
        : end,
    );
    expect(seen.sort()).toEqual(['0', '1']);
  });

  it('that no queueing could ever free are refused with the numbers', async () => {
    const asked = stand.compute.ensure(stand.job({}, { resources: { class: 'cpu', cpu: 3 } }));
    await expect(asked).rejects.toMatchObject({
      type: 'InvalidDefinition',
      message: 'training.resources.cpu: asked for 3, and the target has 2 in all',
    });
    const small = createProcessCompute({ ...stand.options, slots: { cpu: 2, memoryMiB: 8192 } });
    await expect(
      small.ensure(stand.job({}, { resources: { class: 'gpu' } })),
    ).rejects.toMatchObject({ type: 'Misconfigured' });
  });
});

const gate = (name: string): string => join(stand.options.directory, '..', `gate-${name}`);

async function queued(ref: JobRef): Promise<string> {
  return until(async () => {
    const seen = await stand.compute.observe(ref);
    return seen.phase === 'queued' ? seen.detail : undefined;
  });
}
