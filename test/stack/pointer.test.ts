import {
  IdempotencyConflictError,
  InvalidRequestError,
  LiveChangedError,
  NoRollbackTargetError,
  QuarantinedError,
  UnknownModelError,
} from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putLive, untouchedModels } from './support/models.js';
import { connected, FLIGHT, type Connected } from './support/platform.js';

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

const scoredBy = async (tag: string): Promise<string> =>
  (await on.platform.score(tag, FLIGHT)).modelId;

describe('promotion by hand', () => {
  let tag: string;
  beforeAll(async () => {
    tag = await untouchedModels(on, 'by-hand', 2);
  });

  it('R10 moves the tag to a model whose gate passed against what is live, without more words', async () => {
    const rollout = await on.platform.promote(tag, 1, { reason: 'the first', expectedLive: null });
    expect(await rollout.committed()).toMatchObject({
      action: 'promote',
      from: null,
      to: `${tag}/1`,
      actor: 'tester',
      reason: 'the first',
      outcome: 'applied',
      evidence: [expect.stringMatching(/^gate [0-9a-f]{32}$/)],
    });
    expect(await rollout.result()).toMatchObject({ outcome: 'promoted', modelId: `${tag}/1` });
    expect(await scoredBy(tag)).toBe(`${tag}/1`);
  });

  it('R10 refuses what is not true any more, and starts nothing', async () => {
    const before = await on.platform.status(tag);
    const asked = (version: number, options: Parameters<typeof on.platform.promote>[2]) =>
      on.platform.promote(tag, version, options);
    const unjudged = await asked(2, { reason: 'why not' }).catch((error: unknown) => error);
    expect(unjudged).toBeInstanceOf(InvalidRequestError);
    expect(unjudged).toMatchObject({ issues: [{ path: 'options.override' }] });
    expect((unjudged as Error).message).toContain(`compared it with no model and ${tag}/1 is live`);
    const moved = await asked(2, { reason: 'next', override: 'sure', expectedLive: null }).catch(
      (error: unknown) => error,
    );
    expect(moved).toBeInstanceOf(LiveChangedError);
    expect(moved).toMatchObject({ expected: null, actual: `${tag}/1` });
    const unknown = await asked(99, { reason: 'next', override: 'sure' }).catch(
      (error: unknown) => error,
    );
    expect(unknown).toBeInstanceOf(UnknownModelError);
    expect(unknown).toMatchObject({ modelId: `${tag}/99` });
    await expect(asked(1, { reason: 'again', override: 'sure' })).rejects.toThrow(/live already/);
    expect(await on.platform.status(tag)).toMatchObject({
      live: `${tag}/1`,
      seq: before.seq,
      rollout: null,
    });
  });

  it('R7 R10 takes an override, which the ledger shows, once for its key', async () => {
    const request = { reason: 'next', override: 'the shop asked', idempotencyKey: 'next-1' };
    const rollout = await on.platform.promote(tag, 2, { ...request, expectedLive: 1 });
    const entry = await rollout.committed();
    expect(entry).toMatchObject({
      to: `${tag}/2`,
      from: `${tag}/1`,
      evidence: ['override: the shop asked'],
    });
    const again = await on.platform.promote(tag, 2, { ...request, expectedLive: 1 });
    expect(again.workflowId).toBe(rollout.workflowId);
    expect(await again.committed()).toEqual(entry);
    await expect(on.platform.promote(tag, 2, { ...request, reason: 'other' })).rejects.toThrow(
      IdempotencyConflictError,
    );
    expect(await scoredBy(tag)).toBe(`${tag}/2`);
  });
});

describe('the way back', () => {
  let tag: string;
  beforeAll(async () => {
    tag = await untouchedModels(on, 'way-back', 3);
  });
  const live = async (): Promise<string | null> => (await on.platform.status(tag)).live;

  it('R10 G4 refuses to go back while there is nothing to go back to', async () => {
    const nothing = { reason: 'bad' };
    await expect(on.platform.rollback(tag, nothing)).rejects.toThrow(NoRollbackTargetError);
    await putLive(on, tag, 1);
    await expect(on.platform.rollback(tag, nothing)).rejects.toThrow(NoRollbackTargetError);
    await expect(on.platform.demote(tag, nothing)).rejects.toThrow(NoRollbackTargetError);
    expect(await live()).toBe(`${tag}/1`);
  });

  it('R7 R10 goes back at once, keeps the model it left away, and answers a repeat with the same entry', async () => {
    await putLive(on, tag, 2);
    const request = { reason: 'scores collapsed', idempotencyKey: 'incident-7' };
    const entry = await on.platform.rollback(tag, request);
    expect(entry).toMatchObject({ action: 'rollback', from: `${tag}/2`, to: `${tag}/1` });
    expect(await scoredBy(tag)).toBe(`${tag}/1`);
    expect(await on.platform.status(tag)).toMatchObject({ quarantined: [2], previous: null });
    await putLive(on, tag, 3);
    expect(await on.platform.rollback(tag, request)).toEqual(entry);
    const other = on.platform.rollback(tag, { ...request, reason: 'another incident' });
    await expect(other).rejects.toThrow(IdempotencyConflictError);
    expect(await live()).toBe(`${tag}/3`);
  });

  it('G4 refuses a quarantined version everywhere until it is released', async () => {
    const promote = on.platform.promote(tag, 2, { reason: 'again', override: 'sure' });
    await expect(promote).rejects.toMatchObject({ modelId: `${tag}/2` });
    await expect(promote).rejects.toThrow(QuarantinedError);
    const back = on.platform.rollback(tag, { reason: 'there', to: 2 });
    await expect(back).rejects.toThrow(QuarantinedError);
    const release = { reason: 'the data was wrong, not the model' };
    expect(await on.platform.release(tag, 2, release)).toMatchObject({ action: 'release' });
    await expect(on.platform.release(tag, 2, release)).rejects.toThrow(InvalidRequestError);
    expect(await on.platform.status(tag)).toMatchObject({ quarantined: [] });
    await putLive(on, tag, 2);
    expect(await scoredBy(tag)).toBe(`${tag}/2`);
  });

  it('G4 U1 goes back to a version by number and by the instant it was live', async () => {
    const [, before] = (await on.platform.ledger(tag)).filter(({ action }) => action === 'promote');
    expect(before?.to).toBe(`${tag}/3`);
    const entry = await on.platform.rollback(tag, {
      reason: 'as it was then',
      to: new Date((before?.at.getTime() ?? 0) + 1),
    });
    expect(entry).toMatchObject({ from: `${tag}/2`, to: `${tag}/3` });
    await on.platform.rollback(tag, { reason: 'the oldest', to: 1 });
    expect(await scoredBy(tag)).toBe(`${tag}/1`);
  });

  it('G4 quarantines a version on request and keeps the traffic of a live one', async () => {
    expect(await on.platform.quarantine(tag, 1, { reason: 'suspect' })).toMatchObject({
      action: 'quarantine',
      to: `${tag}/1`,
    });
    expect(await scoredBy(tag)).toBe(`${tag}/1`);
    await on.platform.release(tag, 1, { reason: 'cleared' });
  });

  it('G4 demotes to the one before without a verdict, and to nothing, which callers are told', async () => {
    await on.platform.release(tag, 3, { reason: 'cleared' });
    const demoted = await on.platform.demote(tag, { reason: 'the season is over' });
    expect(demoted).toMatchObject({ action: 'demote', from: `${tag}/1`, to: `${tag}/3` });
    expect((await on.platform.status(tag)).quarantined).not.toContain(1);
    const none = await on.platform.demote(tag, { reason: 'closed', to: 'none' });
    expect(none).toMatchObject({ from: `${tag}/3`, to: null });
    const unserved = on.platform.score(tag, FLIGHT);
    await expect(unserved).rejects.toThrow(InvalidRequestError);
    await expect(unserved).rejects.toThrow(/nothing is live|no model is live/i);
    await putLive(on, tag, 1);
    expect(await scoredBy(tag)).toBe(`${tag}/1`);
  });
});
