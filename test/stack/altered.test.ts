import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IntegrityError, ModelyardError } from 'modelyard';
import { modelyardHome } from '../../sdk/dev/setup/locations.mjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { artifactPath, hostsOf, versionsOf } from './support/left-behind.js';
import { putLive, untouchedModels } from './support/models.js';
import { connected, FLIGHT, type Connected } from './support/platform.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

/** The files of a version where MLflow keeps them, and its copies on this machine. */
async function placesOf(tag: string, version: number): Promise<{ files: string; copy: string }> {
  const found = (await versionsOf(on.stack, tag)).find((one) => one.version === String(version));
  const digest = found?.tags['modelyard.digest']?.slice('sha256:'.length) ?? '';
  expect(digest).toHaveLength(64);
  return {
    files: artifactPath(found?.source ?? ''),
    copy: join(modelyardHome(), 'models', digest),
  };
}

describe('F20 a model whose files changed after it was registered', () => {
  let tag: string;
  let files: string;
  beforeAll(async () => {
    tag = await untouchedModels(on, 'altered', 2);
    await putLive(on, tag, 1);
    ({ files } = await placesOf(tag, 2));
  });

  const MODEL = 'MLmodel';
  it.each<[string, string, (file: string) => Promise<void>]>([
    ['flipped', 'was altered', async (file) => flip(file)],
    [
      'truncated',
      'was altered',
      async (file) => writeFile(file, (await readFile(file)).subarray(9)),
    ],
    ['missing', 'is missing', (file) => rm(file)],
    ['joined by another', 'was added', (file) => writeFile(`${file}.extra`, 'x')],
  ])(
    'F20 is refused with both digests when a file is %s, and the live model stays',
    async (_, said, alter) => {
      await cp(files, `${files}.kept`, { recursive: true });
      await alter(join(files, MODEL));
      try {
        const before = await on.platform.status(tag);
        const error: unknown = await on.platform
          .promote(tag, 2, { reason: 'next', override: 'sure' })
          .catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(IntegrityError);
        const { message, expected, actual } = error as IntegrityError;
        expect(message).toContain(said);
        expect(expected).toContain(MODEL);
        expect(actual).toContain(MODEL);
        expect(actual).not.toBe(expected);
        expect(await on.platform.status(tag)).toMatchObject({ live: before.live, seq: before.seq });
        expect(await hostsOf(on.stack, tag)).toEqual([`${tag}/1`]);
      } finally {
        await rm(files, { recursive: true });
        await cp(`${files}.kept`, files, { recursive: true });
      }
      expect((await on.platform.score(tag, FLIGHT)).modelId).toBe(`${tag}/1`);
    },
  );

  it('F20 is promoted once its files are what was registered', async () => {
    await putLive(on, tag, 2);
    expect((await on.platform.score(tag, FLIGHT)).modelId).toBe(`${tag}/2`);
  });
});

describe('F20 a rollback target whose files changed after it was live', () => {
  it('F20 F25 is not served: the rollback is refused whole and the live model keeps its traffic', async () => {
    const tag = await untouchedModels(on, 'rotten', 3, { rollout: { keepPreviousWarm: '1s' } });
    for (const version of [1, 2, 3]) await putLive(on, tag, version);
    await vi.waitFor(
      async () => {
        expect(await hostsOf(on.stack, tag)).toEqual([`${tag}/3`]);
      },
      { timeout: 60_000, interval: 500 },
    );
    const { files, copy } = await placesOf(tag, 2);
    await flip(join(files, 'MLmodel'));
    await rm(copy, { recursive: true, force: true });
    const error: unknown = await on.platform
      .rollback(tag, { reason: 'bad' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelyardError);
    expect(error).toMatchObject({ code: 'HostFailed' });
    expect((error as Error).message).toMatch(/expected digest sha256:[0-9a-f]{64}, got sha256:/);
    expect((await on.platform.score(tag, FLIGHT)).modelId).toBe(`${tag}/3`);
    const tried = (await on.platform.ledger(tag)).find(({ action }) => action === 'rollback');
    expect(tried).toMatchObject({ outcome: 'failed', from: `${tag}/3`, to: `${tag}/2` });
    const back = await on.platform.rollback(tag, { reason: 'bad', to: 1 });
    expect(back).toMatchObject({ from: `${tag}/3`, to: `${tag}/1`, outcome: 'applied' });
    expect((await on.platform.score(tag, FLIGHT)).modelId).toBe(`${tag}/1`);
  });
});

async function flip(file: string): Promise<void> {
  const content = await readFile(file);
  content.writeUInt8(content.readUInt8(7) ^ 1, 7);
  await writeFile(file, content);
}
