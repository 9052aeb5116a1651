import { describe, expect, it } from 'vitest';
import { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { ApprovalPolicy } from '../../../temporal/contracts/gate.js';
import { definition } from '../../workflows/policy/tag/tags.js';

/** The paths of what is wrong with a definition that asks for this approval. */
function told(approval: ApprovalPolicy): string[] {
  const parsed = ModelDefinition.safeParse({
    ...definition,
    gate: { ...definition.gate, approval },
  });
  return (parsed.error?.issues ?? []).map(({ path }) => path.join('.'));
}

describe('an approval that a definition asks for', () => {
  it('may name who gives it and for how long it is waited for', () => {
    expect(told({ required: 1 })).toEqual([]);
    expect(told({ required: 2, from: ['ada', 'bob'], expiresAfter: '30d' })).toEqual([]);
    expect(told({ required: 1, from: [definition.owner.team], expiresAfter: '1s' })).toEqual([]);
  });

  it('R1 is refused when nobody could ever give it', () => {
    expect(told({ required: 2, from: ['ada'] })).toEqual(['gate.approval.from']);
    expect(told({ required: 2, from: ['ada', 'ada'] })).toEqual(['gate.approval.from']);
    expect(told({ required: 1, expiresAfter: '0s' })).toEqual(['gate.approval.expiresAfter']);
    expect(told({ required: 1, expiresAfter: '31d' })).toEqual(['gate.approval.expiresAfter']);
    expect(told({ required: 1, expiresAfter: 'soon' })).toEqual(['gate.approval.expiresAfter']);
  });
});

it('a definition may ask for canary steps, live checks and change windows', () => {
  const rollout = {
    steps: [{ weightPercent: 10, hold: '10m' }],
    watch: '1h',
    checks: [{ metric: 'error_rate', max: 0.01 }],
    windows: { allow: [{ cron: '0 9 * * 1-5', duration: '8h' }] },
  };
  expect(ModelDefinition.safeParse({ ...definition, rollout }).error).toBeUndefined();
});
