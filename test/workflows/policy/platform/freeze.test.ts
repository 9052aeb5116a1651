import { describe, expect, it } from 'vitest';
import { LedgerEntry } from '../../../../temporal/contracts/ledger.js';
import { firstBroken } from '../../../../workflows/policy/ledger.js';
import { frozenAt, orderOf } from '../../../../workflows/policy/platform/freeze.js';
import { emptyPlatform } from '../../../../workflows/policy/platform/state.js';
import { asked } from '../tag/tags.js';
import { DrivenPlatform, minute } from './platform.js';

describe('the freeze of every tag', () => {
  it('is an entry of the ledger of *, which chains and keeps to the contract (U6)', () => {
    const platform = new DrivenPlatform();
    const entries = [platform.freeze(), platform.unfreeze(), platform.freeze(minute(9))];
    expect(platform.state.tail).toEqual(entries);
    expect(firstBroken(entries)).toBeNull();
    for (const entry of entries) expect(LedgerEntry.parse(entry)).toEqual(entry);
    expect(entries.map(({ tag, action, evidence }) => [tag, action, ...evidence])).toEqual([
      ['*', 'freeze', 'every tag'],
      ['*', 'unfreeze', 'every tag'],
      ['*', 'freeze', 'every tag', `until ${minute(9)}`],
    ]);
    expect(platform.state.head).toBe(entries[2]?.hash);
  });

  it('holds until its end and not at it (U6)', () => {
    const platform = new DrivenPlatform();
    platform.freeze(minute(5));
    expect(frozenAt(platform.state, minute(4))).toEqual({
      ...{ by: 'ada', reason: 'a reason', until: minute(5) },
    });
    expect(frozenAt(platform.state, minute(5))).toBeNull();
  });

  it('is refused while another one holds, whose author it names (U6)', () => {
    const platform = new DrivenPlatform();
    platform.freeze(minute(5));
    const before = platform.state;
    const refused = platform.try({ type: 'freezeAll', asked: asked('caller', 'bob') });
    expect(refused).toMatchObject({ type: 'Frozen', details: { by: 'ada', until: minute(5) } });
    expect(platform.state).toBe(before);
  });

  it('may follow one that is over, though nobody lifted that one', () => {
    const platform = new DrivenPlatform();
    platform.freeze(minute(2));
    platform.freeze(minute(9));
    expect(frozenAt(platform.state, platform.at)?.until).toBe(minute(9));
  });

  it('is refused when it ends before it begins', () => {
    const refused = (until: string) =>
      new DrivenPlatform().try({ type: 'freezeAll', asked: asked(), until });
    const said = { type: 'InvalidRequest', details: { issues: [{ path: 'until' }] } };
    expect(refused(minute(0))).toMatchObject(said);
    expect(refused(minute(1))).toMatchObject(said);
    expect(refused(minute(2))).toBeNull();
  });

  it('is lifted once: without one there is nothing to lift (U6)', () => {
    const platform = new DrivenPlatform();
    const refused = { type: 'InvalidRequest', details: { issues: [{ path: 'tag' }] } };
    expect(platform.try({ type: 'unfreezeAll', asked: asked() })).toMatchObject(refused);
    platform.freeze();
    platform.unfreeze();
    expect(frozenAt(platform.state, platform.at)).toBeNull();
    expect(platform.try({ type: 'unfreezeAll', asked: asked() })).toMatchObject(refused);
  });
});

describe('what the tags are told', () => {
  it('is nothing before the first freeze', () => {
    expect(orderOf(emptyPlatform())).toBeNull();
  });

  it('is the newest freeze as its author asked for it, by one key for all tries', () => {
    const platform = new DrivenPlatform();
    const entry = platform.freeze(minute(5));
    const order = orderOf(platform.state);
    expect(order).toEqual({
      number: 1,
      frozen: { by: 'ada', reason: 'a reason', until: minute(5) },
      asked: {
        ...{ actor: 'ada', reason: 'a reason', workflowId: 'platform' },
        ...{ key: `platform:${entry.hash}`, hash: entry.hash },
      },
    });
    expect(orderOf(platform.state)).toEqual(order);
    platform.unfreeze();
    expect(orderOf(platform.state)).toMatchObject({ number: 2, frozen: null });
    expect(orderOf(platform.state)?.asked.key).not.toBe(order?.asked.key);
  });
});
