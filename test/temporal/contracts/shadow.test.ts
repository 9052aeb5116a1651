import { describe, expect, it } from 'vitest';
import { defineModel } from '../../../sdk/definition-source.js';
import { InvalidDefinitionError, type ModelDefinition } from '../../../sdk/index.js';
import { imageDefinition } from '../../sdk/fixtures/definition.js';

type Shadow = NonNullable<ModelDefinition['shadow']>;

const base = imageDefinition('churn');
const [feature = ''] = base.training.features;
const check = { metric: 'disagreement_rate', max: 0.05 };

/** As `models.apply` says it: path and message of everything that is wrong. */
function refusals(shadow: Partial<Shadow>): [string, string][] {
  const evaluation = { ...base.evaluation, slices: [feature] };
  const wanted = { duration: '24h', checks: [check], ...shadow };
  try {
    defineModel(imageDefinition('churn', { evaluation, shadow: wanted }));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidDefinitionError)) throw error;
    return error.issues.map(({ path, message }) => [path, message]);
  }
}

describe('the shadow window of a definition', () => {
  it.each([
    'disagreement_rate',
    'score_mean_abs_diff',
    'score_mean_shift',
    'score_psi',
    'latency_p50_ratio',
    'latency_p95_ratio',
    'error_rate',
    `input_psi:${feature}`,
    `score_psi[${feature}=a [b]=c]`,
  ])('S1 may be judged by %s', (metric) => {
    expect(refusals({ checks: [{ metric, max: 0.5 }] })).toEqual([]);
  });

  it('may last for 30 days, and for a moment', () => {
    expect(refusals({ duration: '30d' })).toEqual([]);
    expect(refusals({ duration: '1s', minRequests: 0 })).toEqual([]);
  });

  it.each([
    ['no time', { duration: '0s' }, 'shadow.duration', /more than 0s and at most 30d/],
    ['31 days', { duration: '31d' }, 'shadow.duration', /at most 30d/],
    ['in no unit', { duration: '3 fortnights' }, 'shadow.duration', /duration such as/],
    ['of nobody', { samplingPercent: 0 }, 'shadow.samplingPercent', /greater|>0/i],
    ['of more than all', { samplingPercent: 101 }, 'shadow.samplingPercent', /100/],
    [
      'by nothing that decides',
      { checks: [{ ...check, dryRun: true }] },
      'shadow.checks',
      /every check is a dry run/,
    ],
    ['by one check twice', { checks: [check, check] }, 'shadow.checks[1]', /same check/],
    [
      'by what nobody measures',
      { checks: [{ metric: 'auc', max: 1 }] },
      'shadow.checks[0].metric',
      /no shadow window measures 'auc'; expected disagreement_rate, score/,
    ],
    [
      'by the agreement, which nothing may be too large of',
      { checks: [{ metric: 'agreement_rate', max: 0.9 }] },
      'shadow.checks[0].metric',
      /large.*expected 'disagreement_rate'/,
    ],
    [
      'by the agreement of a slice',
      { checks: [{ metric: `agreement_rate[${feature}=a]`, max: 0.9 }] },
      'shadow.checks[0].metric',
      /expected 'disagreement_rate\[.*=a\]'/,
    ],
    [
      'by latency of a slice',
      { checks: [{ metric: `error_rate[${feature}=a]`, max: 0.5 }] },
      'shadow.checks[0].metric',
      /no shadow window measures/,
    ],
    [
      'by a slice that is not measured',
      { checks: [{ metric: 'score_psi[moon=full]', max: 0.5 }] },
      'shadow.checks[0].metric',
      /'moon' is not in evaluation\.slices/,
    ],
    [
      'by an input that is no feature',
      { checks: [{ metric: 'input_psi:moon', max: 0.5 }] },
      'shadow.checks[0].metric',
      /'moon' is not in training\.features/,
    ],
    [
      'by what can never pass',
      { checks: [{ metric: 'score_psi', max: -0.1 }] },
      'shadow.checks[0].max',
      /can never pass/,
    ],
    [
      'by what can never fail',
      { checks: [{ metric: 'error_rate', max: 1 }] },
      'shadow.checks[0].max',
      /can never fail/,
    ],
  ] as const)('is refused by its path: %s', (_, shadow, path, message) => {
    expect(refusals(shadow as Partial<Shadow>)).toEqual([[path, expect.stringMatching(message)]]);
  });

  it('needs no slices to be refused one', () => {
    const shadow = { duration: '1h', checks: [{ metric: 'score_psi[a=b]', max: 0.5 }] };
    expect(() => defineModel(imageDefinition('churn', { shadow }))).toThrow(/evaluation\.slices/);
  });
});
