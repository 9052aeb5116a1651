import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedParams } from '../../../activities/registry/mlflow/params.js';

describe('params of a run', () => {
  it('are recorded as they read: strings as they are, the rest as canonical JSON (R2)', () => {
    const params = { name: 'x', depth: 3, grid: { b: [1, null], a: true }, none: null };
    expect(recordedParams(params)).toEqual({
      pairs: [
        { key: 'name', value: 'x' },
        { key: 'depth', value: '3' },
        { key: 'grid', value: '{"a":true,"b":[1,null]}' },
        { key: 'none', value: 'null' },
      ],
      file: null,
    });
  });

  it('are kept whole in a file when one is too long or has a name that MLflow refuses (R2)', () => {
    const params = { long: 'x'.repeat(6_001), '../up': 1, 'learning rate': 2 };
    const { pairs, file } = recordedParams(params);
    expect(file).toEqual(params);
    expect(pairs.map(({ key }) => key)).toEqual(['long', 'learning rate', 'params.json']);
    expect(pairs[0]?.value).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('differ in what is recorded when they differ at all, and fit the limits (R2, F23)', () => {
    const params = fc.dictionary(fc.string({ maxLength: 300 }), fc.jsonValue(), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(params, fc.string({ maxLength: 300 }), (given, key) => {
        const changed = { ...given, [key]: { changed: 'x' } };
        const [one, two] = [recordedParams(given), recordedParams(changed)];
        const fits = two.pairs.every(
          (pair) => pair.key.length <= 250 && pair.value.length <= 6_000,
        );
        const isSame = JSON.stringify(given[key]) === JSON.stringify(changed[key]);
        return fits && (isSame || JSON.stringify(one) !== JSON.stringify(two));
      }),
    );
  });
});
