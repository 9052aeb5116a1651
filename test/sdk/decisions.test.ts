import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { RegisteredModel } from '../../temporal/contracts/model.js';
import { digestOf } from '../../temporal/digest.js';
import { table } from '../../sdk/cli/table.js';
import { diff } from '../../sdk/diff.js';
import { GENESIS_HASH, moveInForce, verifyChain } from '../../sdk/ledger-chain.js';
import { mergedParams } from '../../sdk/retrain.js';
import { summaryLine } from '../../sdk/run-start.js';
import { listQuery } from '../../sdk/runs.js';
import { warrantOf } from '../../sdk/warrant.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function chain(...actions: [LedgerEntry['action'], string | null, string][]): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (const [action, to, at] of actions) {
    const body = {
      tag: 't',
      seq: entries.length + 1,
      action,
      from: null,
      to,
      actor: 'a',
      reason: 'r',
      at,
      workflowId: 'w',
      evidence: [],
      digest: null,
      outcome: 'applied' as const,
      fence: null,
      previousHash: entries.at(-1)?.hash ?? GENESIS_HASH,
    };
    entries.push({ ...body, hash: digestOf(body) });
  }
  return entries;
}
const history = chain(
  ['define', null, '2026-01-01T00:00:00Z'],
  ['promote', 't/1', '2026-01-02T00:00:00Z'],
  ['shift', 't/2', '2026-01-03T00:00:00Z'],
  ['promote', 't/2', '2026-01-04T00:00:00Z'],
  ['rollback', 't/1', '2026-01-05T00:00:00Z'],
);
const head = { seq: 5, hash: history[4]?.hash ?? '' };

describe('the ledger chain', () => {
  it('I3 holds when every entry follows from the one before', () => {
    expect(verifyChain(history, head)).toEqual({ ok: true, checked: 5 });
    expect(verifyChain([], { seq: 0, hash: GENESIS_HASH })).toEqual({ ok: true, checked: 0 });
  });

  it.each([
    [
      'altered content',
      (entries: LedgerEntry[]) =>
        entries.map((entry) => (entry.seq === 3 ? { ...entry, reason: 'other' } : entry)),
      3,
      /hashes to/,
    ],
    [
      'a missing entry',
      (entries: LedgerEntry[]) => entries.filter(({ seq }) => seq !== 2),
      2,
      /expected entry 2/,
    ],
    ['a missing end', (entries: LedgerEntry[]) => entries.slice(0, 4), 5, /holds 5 entries/],
    [
      'a rewritten past',
      () =>
        chain(
          ['define', null, '2026-01-01T00:00:01Z'],
          ...history
            .slice(1)
            .map(({ action, to, at }): [LedgerEntry['action'], string | null, string] => [
              action,
              to,
              at,
            ]),
        ),
      5,
      /head is/,
    ],
  ])('I3 names the first entry that does not hold: %s', (_, forge, seq, reason) => {
    const outcome = verifyChain(forge(history), head);
    expect(outcome).toMatchObject({ ok: false, firstBad: { seq } });
    expect(outcome.firstBad?.reason).toMatch(reason);
  });

  it('U1 finds the move in force at an instant, and never a shift', () => {
    const liveAt = (at: string): string | null | undefined =>
      moveInForce(history, new Date(at))?.to;
    expect(liveAt('2026-01-01T12:00:00Z')).toBeUndefined();
    expect(liveAt('2026-01-03T12:00:00Z')).toBe('t/1');
    expect(liveAt('2026-01-04T00:00:00Z')).toBe('t/2');
    expect(liveAt('2026-02-01T00:00:00Z')).toBe('t/1');
  });

  it('U1 passes over moves that were not applied', () => {
    const failed = history.map((entry) =>
      entry.seq === 5 ? { ...entry, outcome: 'failed' as const } : entry,
    );
    expect(moveInForce(failed, new Date('2026-02-01T00:00:00Z'))?.to).toBe('t/2');
  });
});

describe('the warrant of a promotion', () => {
  const model = (gate: RegisteredModel['gate']): RegisteredModel => ({
    version: 7,
    digest: DIGEST,
    uri: 'u',
    task: 'regression',
    features: [],
    trainedOn: null,
    serving: null,
    registryRunId: 'run',
    tag: 't',
    files: [],
    tags: { 'modelyard.workflow_id': 'retrain/t/k' },
    gate,
  });
  const passed = { verdict: 'passed', incumbent: 6, policyDigest: DIGEST, judgedUnder: DIGEST };

  it('I2 is a gate that passed against the model that is live', () => {
    expect(warrantOf(model(passed), 6, undefined)).toEqual({
      kind: 'gate',
      gate: { workflowId: 'retrain/t/k', incumbent: 6, judgedUnder: DIGEST, registryRunId: 'run' },
    });
    expect(warrantOf(model({ ...passed, incumbent: null }), null, undefined).kind).toBe('gate');
  });

  it.each([
    ['no gate', null, 6, 'no gate has judged it'],
    [
      'a gate that did not pass',
      { ...passed, verdict: 'inconclusive' },
      6,
      "its gate's verdict is 'inconclusive'",
    ],
    ['another live model', passed, 5, 'its gate compared it with t/6 and t/5 is live now'],
    [
      'nothing live any more',
      passed,
      null,
      'its gate compared it with t/6 and no model is live now',
    ],
  ])('I2 is missing for %s, unless overridden', (_, gate, live, because) => {
    expect(warrantOf(model(gate), live, undefined)).toEqual({ kind: 'none', because });
    expect(warrantOf(model(gate), live, 'seen')).toEqual({ kind: 'override', why: 'seen' });
  });
});

describe('small decisions', () => {
  it('a diff names leaves by path', () => {
    const from = { a: 1, list: [1, { b: 2 }], gone: true, same: { x: null } };
    const to = { a: 2, list: [1, { b: 3 }], same: { x: null }, added: [] };
    expect(diff(from, to)).toEqual([
      { path: 'a', from: 1, to: 2 },
      { path: 'added', from: undefined, to: [] },
      { path: 'gone', from: true, to: undefined },
      { path: 'list[1].b', from: 2, to: 3 },
    ]);
    expect(diff([1], [1, 2], 'features')).toEqual([{ path: 'features', from: [1], to: [1, 2] }]);
  });

  it('R2 merges params shallowly: a key replaces, null removes', () => {
    expect(
      mergedParams({ depth: 3, tree: { a: 1 }, old: 1 }, { tree: { b: 2 }, old: null }),
    ).toEqual({ depth: 3, tree: { b: 2 } });
  });

  it('a summary fits the server and cannot format the page it stands on', () => {
    expect(summaryLine('a\n|b| `c`')).toBe('a \\|b\\| \\`c\\`');
    expect(Buffer.byteLength(summaryLine('é'.repeat(500)))).toBe(400);
  });

  it('a list asks visibility only for what it knows', () => {
    expect(listQuery({ tag: 't', kind: 'retrain', state: 'failed', since: new Date(0) })).toBe(
      "WorkflowType IN ('retrain') AND ModelTag = 't' AND ExecutionStatus IN ('Failed', 'TimedOut') AND StartTime >= '1970-01-01T00:00:00.000Z'",
    );
  });

  it('a table aligns its columns and lets no control character through', () => {
    expect(
      table(
        ['a', 'b'],
        [
          ['xyz', 1],
          [null, '\u001B[31mred\u001B[0m\nline'],
        ],
      ),
    ).toBe('a    b\n───  ────────\nxyz  1\n–    red line');
  });
});
