import { describe, expect, it } from 'vitest';
import { parseBelowRoots } from '../../../activities/artifacts/roots.js';
import { parseArtifactUri } from '../../../activities/artifacts/uri.js';
import { isFailure } from '../../../temporal/errors.js';

describe('an artifact uri', () => {
  it.each([
    ['mlflow-artifacts:/1/models/m-1/artifacts', 'mlflow-artifacts', '1/models/m-1/artifacts'],
    ['mlflow-artifacts:/', 'mlflow-artifacts', ''],
    ['file:///data/a%20b', 'file', '/data/a b'],
    ['/data/models/', 'file', '/data/models'],
  ])('%s is read', (uri, scheme, path) => {
    expect(parseArtifactUri(uri)).toEqual({ scheme, path });
  });

  it.each([
    'mlflow-artifacts:/1/../../etc/passwd',
    'mlflow-artifacts://other-host/1/x',
    'mlflow-artifacts:/1//x',
    'mlflow-artifacts:/1/..\\x',
    'mlflow-artifacts:/1/\0',
    'file:///data/../etc/passwd',
    'file:///data/%2e%2e/etc/passwd',
    'file:///data/..%2fetc/passwd',
    'file://host/data',
    '/data/../etc/passwd',
    '//host/data',
    'data/relative',
    's3://bucket/key',
    'https://example.org/x',
    '',
  ])('%s is refused', (uri) => {
    expect(() => parseArtifactUri(uri)).toThrow(
      expect.toSatisfy((error) => isFailure(error, 'InvalidRequest')),
    );
  });

  it('lies below a root only at a boundary of its path', () => {
    const roots = ['mlflow-artifacts:/models', 'file:///data'];
    expect(parseBelowRoots('mlflow-artifacts:/models/x', roots).path).toBe('models/x');
    expect(parseBelowRoots('file:///data', roots).path).toBe('/data');
    for (const uri of ['mlflow-artifacts:/models-of-others/x', 'file:///database', '/models/x']) {
      expect(() => parseBelowRoots(uri, roots)).toThrow(
        expect.toSatisfy((error) => isFailure(error, 'Misconfigured')),
      );
    }
  });
});
