import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CappedLog, readTail } from '../../../../activities/compute/process/capped-log.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'modelyard-log-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const bytesOnDisk = (): number =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

describe('a capped log', () => {
  it('keeps the beginning and at least half the cap of the end, within the cap, however the output comes', async () => {
    const chunks = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(chunks, async (sizes) => {
        const text = sizes.map((size, index) => String(index % 10).repeat(size)).join('');
        const log = new CappedLog(directory, 400);
        let at = 0;
        for (const size of sizes) log.append(Buffer.from(text.slice(at, (at += size))));
        log.close();
        expect(bytesOnDisk()).toBeLessThanOrEqual(400);
        expect(await readTail(directory, 200)).toBe(text.slice(-200));
        expect((await readTail(directory, 10_000)).slice(0, 100)).toBe(text.slice(0, 100));
      }),
    );
  });

  it('begins its tail with a whole character', async () => {
    const log = new CappedLog(directory, 1000);
    log.append(Buffer.from('größe'));
    log.close();
    expect(await readTail(directory, 4)).toBe('ße');
    expect(await readTail(directory, 3)).toBe('ße');
    expect(await readTail(directory, 2)).toBe('e');
    expect(await readTail(directory, 0)).toBe('');
  });

  it('that was never written is empty', async () => {
    expect(await readTail(join(directory, 'none'), 100)).toBe('');
  });
});
