import { InvalidRequestError, UnknownTagError, type LedgerEntry } from 'modelyard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsOf } from './support/left-behind.js';
import { putLive, untouchedModels } from './support/models.js';
import {
  connected,
  CUTOFF,
  definitionOf,
  FLIGHT,
  newTag,
  type Connected,
} from './support/platform.js';

let on: Connected;
let tag: string;
let moves: LedgerEntry[];
beforeAll(async () => {
  on = await connected();
  tag = await untouchedModels(on, 'ledger', 2);
  await putLive(on, tag, 1);
  await putLive(on, tag, 2);
  await on.platform.rollback(tag, { reason: 'worse on the road' });
  await on.platform.demote(tag, { reason: 'closed', to: 'none' });
  await on.platform.release(tag, 2, { reason: 'looked into' });
  await putLive(on, tag, 2);
  const moving = ['promote', 'rollback', 'demote'];
  moves = (await on.platform.ledger(tag)).filter(({ action }) => moving.includes(action)).reverse();
});
afterAll(() => on.platform.close());

describe('the ledger', () => {
  it('U1 tells which model was live at any instant, who moved it and why', async () => {
    const live = [`${tag}/1`, `${tag}/2`, `${tag}/1`, null, `${tag}/2`];
    expect(moves.map(({ to }) => to)).toEqual(live);
    for (const [index, entry] of moves.entries()) {
      const next = moves[index + 1]?.at.getTime() ?? Date.now();
      for (const at of [entry.at, new Date((entry.at.getTime() + next) / 2), new Date(next - 1)]) {
        expect(await on.platform.liveAt(tag, at)).toEqual({ live: live[index], entry });
      }
    }
    const before = new Date((moves[0]?.at.getTime() ?? 0) - 1);
    expect(await on.platform.liveAt(tag, before)).toEqual({ live: null, entry: null });
    expect(moves[2]).toMatchObject({ actor: 'tester', reason: 'worse on the road' });
  });

  it('U1 reads the same in pages as in one piece, newest first and without a gap', async () => {
    const whole = await on.platform.ledger(tag);
    expect(whole.map(({ seq }) => seq)).toEqual(whole.map((_, index) => whole.length - index));
    const paged: LedgerEntry[] = [];
    for (let before: number | undefined; before !== 1; before = paged.at(-1)?.seq) {
      const page = await on.platform.ledger(tag, { limit: 3, ...(before && { before }) });
      expect(page.length).toBeGreaterThan(0);
      paged.push(...page);
    }
    expect(paged).toEqual(whole);
    await expect(on.platform.ledger(tag, { limit: 0 })).rejects.toThrow(InvalidRequestError);
  });

  it('U1 verifies its chain to the head an auditor has kept', async () => {
    const { seq, hash } = await on.platform.ledgerHead(tag);
    expect(await on.platform.verify(tag)).toEqual({ ok: true, checked: seq });
    const [newest, second] = await on.platform.ledger(tag, { limit: 2 });
    expect(newest).toMatchObject({ seq, hash, previousHash: second?.hash });
  });
});

describe('judging again', () => {
  it('U11 simulates another rule on recorded evidence and touches nothing', async () => {
    const { live, seq, fence } = await on.platform.status(tag);
    const own = await on.platform.simulate(tag);
    expect(own.changed).toBe(0);
    expect(own.decisions).toHaveLength(2);
    const strict = await on.platform.simulate(tag, {
      metrics: [{ name: 'auc', direction: 'higher', threshold: 0.99 }],
    });
    expect(strict.changed).toBe(2);
    expect(strict.decisions.map(({ would }) => would)).toEqual(['failed', 'failed']);
    expect(strict.decisions[0]?.reasons.join()).toMatch(/0\.99/);
    const later = await on.platform.simulate(tag, undefined, { since: new Date() });
    expect(later).toEqual({ decisions: [], changed: 0 });
    expect(await on.platform.status(tag)).toMatchObject({ live, seq, fence });
  });

  it('R14 R13 evaluates a deployed model again on a later period, and records it', async () => {
    const holdout = { from: CUTOFF, until: new Date('2013-06-08T00:00:00Z') };
    const run = await on.platform.evaluate(`${tag}/1`, { holdout, idempotencyKey: 'june' });
    const report = await run.result();
    expect(report).toMatchObject({ modelId: `${tag}/1`, incumbent: `${tag}/2` });
    expect(report.metrics['auc']).toBeGreaterThan(0.5);
    expect(report.holdout.rows).toBeGreaterThan(1_000);
    const runs = await runsOf(on.stack, tag);
    const recorded = runs.find(({ info }) => info.run_id === report.registryRunId);
    expect(recorded?.info.status).toBe('FINISHED');
    expect(recorded?.data.metrics).toContainEqual(
      expect.objectContaining({ key: 'auc', value: report.metrics['auc'] }),
    );
    const again = await on.platform.evaluate(`${tag}/1`, { holdout, idempotencyKey: 'june' });
    expect(await again.result()).toEqual(report);
    expect(await runsOf(on.stack, tag)).toHaveLength(runs.length);
    expect(await on.platform.status(tag)).toMatchObject({ live: `${tag}/2` });
  });

  it('S12 measures the same on the same inputs, whoever asks', async () => {
    const runs = await runsOf(on.stack, tag);
    const retrains = runs.filter(({ data }) => data.tags['modelyard.kind'] === 'retrain');
    const measured = retrains.map(({ data, inputs }) => ({
      metrics: data.metrics
        .filter(({ key }) => key !== 'train_seconds')
        .map(({ key, value }) => ({ key, value }))
        .sort((a, b) => a.key.localeCompare(b.key)),
      digests: inputs.map(({ dataset }) => dataset.digest).sort(),
    }));
    expect(measured).toHaveLength(2);
    expect(measured[0]?.metrics.length).toBeGreaterThan(3);
    expect(measured[0]).toEqual(measured[1]);
  });

  it('U3 calls a rule without data inconclusive, leaves the pointer, and lets a person decide', async () => {
    const blank = newTag('blank');
    const { gate } = definitionOf(blank);
    const rule = { name: 'auc', direction: 'higher', threshold: 0.5, slice: 'carrier=ZZ' } as const;
    await on.platform.models.apply(
      definitionOf(blank, {
        gate: { ...gate, metrics: [rule] },
        evaluation: { slices: ['carrier'] },
      }),
    );
    const run = await on.platform.retrain(blank, { asOf: CUTOFF });
    expect(await run.result()).toMatchObject({
      decision: 'inconclusive',
      modelId: `${blank}/1`,
      gate: { verdict: 'inconclusive', checks: [{ candidate: null, verdict: 'inconclusive' }] },
    });
    expect(await on.platform.status(blank)).toMatchObject({ live: null, rollout: null });
    await putLive(on, blank, 1);
    expect(await on.platform.status(blank)).toMatchObject({ live: `${blank}/1` });
  });
});

describe('scoring', () => {
  it('R10 tells an unknown tag from a payload that is wrong, with the column that is', async () => {
    await expect(on.platform.score(newTag('nobody'), FLIGHT)).rejects.toThrow(UnknownTagError);
    for (const records of [[{ origin: 'LGA' }], [{ ...FLIGHT, dep_minute: 'noon' }]]) {
      const error: unknown = await on.platform
        .score(tag, { dataframe_records: records })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidRequestError);
      expect((error as Error).message).toMatch(/carrier|dep_minute|distance/);
    }
    const nonsense = on.platform.score(tag, { nothing: 1 } as never);
    await expect(nonsense).rejects.toThrow(InvalidRequestError);
  });
});
