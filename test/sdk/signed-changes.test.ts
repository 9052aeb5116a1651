import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SelfApprovalError, type Platform, type RolloutHandle } from '../../sdk/index.js';
import { newKey } from '../support/ed25519.js';
import type { TagOnServer } from '../workflows/support/tag.js';
import { Guarded, refusalOf } from './fixtures/guarded.js';

let guarded: Guarded;
let unsigned: Platform;

beforeAll(async () => {
  guarded = await Guarded.start();
  unsigned = await guarded.connected('bob');
}, 600_000);
afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

describe('where the worker lists keys', () => {
  it('U9 promotes and approves by signatures, and refuses an unsigned promote at the call', async () => {
    const keys = { ada: newKey(), bob: newKey(), fire: newKey() };
    using _ = guarded.world.approvers.list({
      ada: { keys: [keys.ada.sshLine], breakGlassKeys: [keys.fire.sshLine] },
      bob: { keys: [keys.bob.sshLine] },
    });
    await using directory = await mkdtempDisposable(join(tmpdir(), 'modelyard-signer-'));
    const signer = async (name: keyof typeof keys) => {
      const keyFile = join(directory.path, name);
      await writeFile(keyFile, keys[name].privatePem);
      return guarded.connected('whoever', { signer: { keyFile } });
    };
    const [byAda, byBob, byFire] = [await signer('ada'), await signer('bob'), await signer('fire')];
    // Version 1 is live without a key's word, from before the keys were listed.
    const tag = await tagBefore();
    const options = { reason: 'better', override: 'seen by hand', expectedLive: 1 };
    for (const over of [{}, { breakGlass: true as const }])
      expect(await refusalOf(unsigned.promote(tag.tag, 2, { ...options, ...over }))).toMatchObject({
        reason: 'unsigned',
      });
    const run = await byAda.promote(tag.tag, 2, options);
    await guarded.inStage(run.workflowId, 'approval');
    expect(
      await refusalOf(((await unsigned.runs.get(run.workflowId)) as RolloutHandle).approve()),
    ).toMatchObject({
      reason: 'unsigned',
    });
    expect(await refusalOf(run.approve())).toBeInstanceOf(SelfApprovalError);
    const signed = (await byBob.runs.get(run.workflowId)) as RolloutHandle;
    await signed.approve({ comment: '  seen, and good ' });
    expect(await run.committed()).toMatchObject({ actor: 'ada' });
    await signed.withdraw({ comment: 'after all not' });
    expect(await unsigned.status(tag.tag)).toMatchObject({ live: `${tag.tag}/1` });
    const broken = await byFire.promote(tag.tag, 3, { ...options, breakGlass: true });
    expect(await broken.committed()).toMatchObject({
      ...{ actor: 'ada', reason: 'BREAK GLASS: better' },
      to: `${tag.tag}/3`,
    });
  });

  /** The keys are listed already, so the first version goes live by a state that was made before them. */
  async function tagBefore(): Promise<TagOnServer> {
    using _ = guarded.world.approvers.list({});
    return await guarded.tag();
  }
});
