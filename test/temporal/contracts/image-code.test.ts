import { describe, expect, it } from 'vitest';
import { ModelDefinition } from '../../../temporal/contracts/definition.js';

const PYTHON = { kind: 'python', directory: '.', entry: 'train.py:train' };
const IMAGE = { kind: 'image', image: `registry.internal/models/delay@sha256:${'a'.repeat(64)}` };
const ENTRY = { entry: 'train.py:evaluate' };

function problems(code: object, task: string, evaluation: object): string[] {
  const parsed = ModelDefinition.safeParse({
    tag: 'delay',
    owner: { team: 'operations', contact: 'operations@example.com' },
    training: {
      task,
      code,
      data: { kind: 'parquet', uri: 's3://flights/rows.parquet' },
      features: ['distance'],
      label: 'late',
      holdout: { kind: 'fraction', fraction: 0.2, seed: 1 },
    },
    evaluation,
    gate: { metrics: [{ name: 'auc', direction: 'higher', threshold: 0.6 }] },
  });
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('an evaluation of one’s own', () => {
  it.each([
    [PYTHON, 'regression', {}],
    [PYTHON, 'regression', ENTRY],
    [PYTHON, 'custom', ENTRY],
    [IMAGE, 'regression', {}],
  ])('R1 may go with %j and the task %s: %j', (code, task, evaluation) => {
    expect(problems(code, task, evaluation)).toEqual([]);
  });

  it.each([
    [PYTHON, 'custom', {}, 'evaluation.entry: a task of kind'],
    [IMAGE, 'regression', ENTRY, "evaluation.entry: needs training.code of kind 'python'"],
    [IMAGE, 'custom', ENTRY, "evaluation.entry: needs training.code of kind 'python'"],
    [IMAGE, 'custom', {}, 'training.task: a task of kind'],
  ])('R1 cannot go with %j and the task %s: %j', (code, task, evaluation, says) => {
    const found = problems(code, task, evaluation);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(says);
  });
});

describe('an image', () => {
  it.each(['name', 'name:latest', 'name@sha256:abc', ` name@sha256:${'a'.repeat(64)}`])(
    'is named by digest, not as %s',
    (image) => {
      expect(problems({ kind: 'image', image }, 'regression', {})).toEqual([
        `training.code.image: expected an image by digest, "name@sha256:…", got "${image}"`,
      ]);
    },
  );
});
