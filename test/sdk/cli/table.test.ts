import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../../sdk/cli/ledger-commands.js';
import { rounded, table } from '../../../sdk/cli/table.js';

const SENTENCE = 'a word '.repeat(20).trim();

describe('a table', () => {
  it('cuts long sentences, and neither ids nor the columns told whole', () => {
    const id = `retrain/${'t'.repeat(80)}`;
    const [, , row = ''] = table(['id', 'cut', 'why'], [[id, SENTENCE, SENTENCE]], {
      whole: ['why'],
    }).split('\n');
    expect(row).toBe(`${id}  ${SENTENCE.slice(0, 59)}…  ${SENTENCE}`);
  });
});

describe('a rounded number', () => {
  it('has four significant digits, alone or in a sentence', () => {
    expect(rounded(0.123456789)).toBe('0.1235');
    expect(rounded('rmse 10.03456 is not below 9.5 of 12345 rows')).toBe(
      'rmse 10.03 is not below 9.5 of 12345 rows',
    );
  });

  it('stays whole when it is a count, and absent when it is absent', () => {
    expect([rounded(123_456), rounded(null)]).toEqual([123_456, null]);
  });
});

describe('the reason of a ledger entry', () => {
  it('says why the gate was passed over', () => {
    expect(reasonOf({ reason: 'hotfix', evidence: ['override: prices changed'] })).toBe(
      'hotfix (override: prices changed)',
    );
    expect(reasonOf({ reason: 'better', evidence: ['gate 12'] })).toBe('better');
  });
});
