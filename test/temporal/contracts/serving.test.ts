import { expect, it } from 'vitest';
import { defineModel } from '../../../sdk/definition-source.js';
import { InvalidDefinitionError, type ServingSpec } from '../../../sdk/index.js';
import { hostName } from '../../../temporal/ids.js';
import { imageDefinition } from '../../sdk/fixtures/definition.js';

function refusedPaths(serving: ServingSpec): string[] {
  try {
    defineModel(imageDefinition('churn', { serving }));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidDefinitionError)) throw error;
    return error.issues.map(({ path }) => path);
  }
}

it('both kinds of host may be declared, and what no host does yet is refused by its path (G1, G2)', () => {
  expect(refusedPaths({ kind: 'dedicated', target: 'edge' })).toEqual([]);
  expect(refusedPaths({ kind: 'shared', target: 'edge' })).toEqual([]);
  expect(refusedPaths({ kind: 'shared', replicas: 2 })).toEqual(['serving.replicas']);
});

it('a model has another host of each kind, and the name of a dedicated one says nothing of it (G2)', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const plain = hostName('churn/1', digest);
  expect(hostName('churn/1', digest, 'dedicated')).toBe(plain);
  expect(hostName('churn/1', digest, 'shared')).not.toBe(plain);
  expect(hostName('churn/1', digest, 'shared')).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
});
