import { afterAll, beforeAll, describe, it } from 'vitest';
import { computeContract } from '../../../testing/compute-contract.js';
import { compile, type Compiled } from './compiled.js';
import { makeStand } from './stand.js';

describe('process compute keeps the contract', () => {
  let compiled: Compiled;
  beforeAll(() => {
    compiled = compile();
  });
  afterAll(() => {
    compiled[Symbol.dispose]();
  });

  for (const { title, run } of computeContract) {
    it(title, () => run(() => makeStand(compiled)), 120_000);
  }
});
