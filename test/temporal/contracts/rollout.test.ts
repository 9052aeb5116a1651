import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defineModel } from '../../../sdk/definition-source.js';
import { InvalidDefinitionError, type ModelDefinition } from '../../../sdk/index.js';
import { rolloutContradictions } from '../../../temporal/contracts/rollout-contradictions.js';
import type { LiveCheck, WindowSpec } from '../../../temporal/contracts/rollout.js';
import { imageDefinition } from '../../sdk/fixtures/definition.js';

type Rollout = NonNullable<ModelDefinition['rollout']>;

const NOW = '2026-11-21T12:00:00.000Z';
beforeEach(() => void vi.useFakeTimers({ now: Date.parse(NOW), toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

/** As `models.apply` says it: path and message of everything that is wrong. */
function refusals(rollout: unknown): [string, string][] {
  try {
    defineModel(imageDefinition('churn', { rollout: rollout as Rollout }));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidDefinitionError)) throw error;
    return error.issues.map(({ path, message }) => [path, message]);
  }
}
const paths = (rollout: unknown): string[] => refusals(rollout).map(([path]) => path);

const workdays: WindowSpec = { cron: '0 9 * * mon-fri', duration: '8h', timezone: 'Europe/Berlin' };

describe('change windows of a definition', () => {
  it('are taken as they are written (U6)', () => {
    expect(refusals({ windows: { allow: [workdays] } })).toEqual([]);
    expect(refusals({ windows: { deny: [{ cron: '0 0 20 12 *', duration: '15d' }] } })).toEqual([]);
    expect(
      refusals({ windows: { allow: [workdays], deny: [{ ...workdays, duration: '7h' }] } }),
    ).toEqual([]);
    expect(refusals({ windows: { deny: [] } })).toEqual([]);
    expect(refusals({ windows: { deny: [{ cron: '* * 1 1 *', duration: '31d' }] } })).toEqual([]);
  });

  it.each([
    ['an expression of four fields', { cron: '0 9 * *' }, 'cron', /five fields/],
    ['an hour that no day has', { cron: '0 25 * * *' }, 'cron', /expected hour/],
    ['an unknown word', { cron: '@daily' }, 'cron', /five fields/],
    ['a form that croner does not read', { cron: '5/10 * * * *' }, 'cron', /numeric prefix/],
    ['a time that never comes', { cron: '0 0 30 2 *' }, 'cron', /never comes/],
    ['an unknown time zone', { timezone: 'Mars/Olympus' }, 'timezone', /IANA/],
    ['a duration in no unit', { duration: '8 fortnights' }, 'duration', /duration such as/],
    ['a window of no length', { duration: '0s' }, 'duration', /1m to 31d/],
    ['a window shorter than a minute', { duration: '59s' }, 'duration', /1m to 31d/],
    ['a window longer than a month', { duration: '32d' }, 'duration', /1m to 31d/],
  ])('are refused once and by their path: %s (U6)', (_, over, field, message) => {
    for (const list of ['allow', 'deny'] as const) {
      const windows = { [list]: [workdays, { ...workdays, ...over }] };
      expect(refusals({ windows })).toEqual([
        [`rollout.windows.${list}[1].${field}`, expect.stringMatching(message)],
      ]);
    }
  });

  it('are refused with an empty allow list, which would never open (U6)', () => {
    expect(refusals({ windows: { allow: [] } })).toEqual([
      ['rollout.windows.allow', expect.stringContaining('no rollout would ever start')],
    ]);
  });

  it('are refused when what they deny covers all that they allow (U6)', () => {
    const always: WindowSpec = { cron: '0 0 * * *', duration: '24h' };
    const told = [['rollout.windows.deny', 'denies all that is allowed until 2027-12-26']];
    expect(refusals({ windows: { deny: [always] } })).toEqual(told);
    expect(refusals({ windows: { allow: [workdays], deny: [always] } })).toEqual(told);
    expect(refusals({ windows: { allow: [workdays], deny: [workdays] } })).toEqual(told);
    const almost = { ...always, duration: '1439m' };
    expect(refusals({ windows: { deny: [almost] } })).toEqual([]);
  });

  it('are refused when none of them opens within 400 days (U6)', () => {
    const leapDay = { windows: { allow: [{ cron: '0 0 29 2 *', duration: '24h' }] } };
    expect(refusals(leapDay)).toEqual([
      ['rollout.windows.allow', 'no window opens before 2027-12-26'],
    ]);
    expect(rolloutContradictions(leapDay, '2027-02-01T00:00:00Z')).toEqual([]);
  });

  it('are refused when they begin too often to be reckoned with (U6)', () => {
    const deny = [1, 2].map((minutes) => ({ cron: '* * * * *', duration: `${String(minutes)}m` }));
    expect(paths({ windows: { deny } })).toEqual(['rollout.windows']);
  });
});

describe('live checks of a definition', () => {
  const contradictions = (rollout: Rollout) => rolloutContradictions(rollout, NOW);
  const told = (rollout: Rollout): [string, string][] =>
    contradictions(rollout).map(({ path, message }) => [path.join('.'), message]);
  const ofCheck = (check: LiveCheck) => told({ watch: '1h', checks: [check] });

  it.each<LiveCheck>([
    { metric: 'error_rate', max: 0 },
    { metric: 'error_rate', max: 0.99, minSamples: 1 },
    { metric: 'error_rate', maxRatioToIncumbent: 0.5, onNoData: 'pause' },
    { metric: 'latency_p99_ms', max: 0.5, maxRatioToIncumbent: 2, minSamples: 1000 },
    { metric: 'drift', max: -1, minSamples: 1 },
  ])('are taken where they can pass and fail: %j', (check) => {
    expect(ofCheck(check)).toEqual([]);
  });

  it.each<[LiveCheck, string, string]>([
    [{ metric: 'error_rate', max: -0.1 }, 'max', 'can never pass'],
    [{ metric: 'error_rate', max: 1 }, 'max', 'can never fail'],
    [{ metric: 'error_rate', max: 5, maxRatioToIncumbent: 2 }, 'max', 'can never fail'],
    [{ metric: 'latency_p95_ms', max: 0 }, 'max', 'can never pass'],
    [{ metric: 'latency_p99_ms', max: -3 }, 'max', 'can never pass'],
    [{ metric: 'drift', max: 1, minSamples: 2 }, 'minSamples', 'can never pass'],
  ])('are refused where they can only pass or only fail: %j', (check, field, message) => {
    expect(ofCheck(check)).toEqual([
      [`rollout.checks.0.${field}`, expect.stringContaining(message)],
    ]);
  });

  it('are refused without a bound, with a bound that is no number, or with no samples', () => {
    const of = (check: unknown) => paths({ watch: '1h', checks: [check] });
    expect(of({ metric: 'error_rate' })).toContain('rollout.checks[0]');
    for (const max of [Number.NaN, Infinity, '0.1'])
      expect(of({ metric: 'error_rate', max })).toContain('rollout.checks[0].max');
    expect(of({ metric: 'error_rate', max: 0.1, minSamples: 0 })).toContain(
      'rollout.checks[0].minSamples',
    );
    expect(of({ metric: 'error_rate', maxRatioToIncumbent: 0 })).toContain(
      'rollout.checks[0].maxRatioToIncumbent',
    );
  });

  it('are refused twice the same, in whatever order of fields, and taken with another bound', () => {
    const check: LiveCheck = { metric: 'error_rate', max: 0.1 };
    const same: LiveCheck = { max: 0.1, metric: 'error_rate' };
    expect(told({ watch: '1h', checks: [check, { ...check, max: 0.2 }, same] })).toEqual([
      ['rollout.checks.2', 'the same check as rollout.checks[0]'],
    ]);
  });

  it('are refused where nothing would ever judge them', () => {
    const checks: LiveCheck[] = [{ metric: 'error_rate', max: 0.1 }];
    const refused = [['rollout.checks', expect.stringContaining('nothing ever judges them')]];
    expect(told({ checks })).toEqual(refused);
    expect(told({ checks, watch: '0s', steps: [] })).toEqual(refused);
    expect(told({ checks, watch: '1s' })).toEqual([]);
    expect(told({ checks, steps: [{ weightPercent: 10, hold: '1m' }] })).toEqual([]);
    expect(told({ checks: [] })).toEqual([]);
  });

  it('are paced by at least a second and within the watch', () => {
    const of = (checkEvery: string, watch?: string) =>
      told({ checkEvery, ...(watch !== undefined && { watch }) });
    expect(of('1s', '1h')).toEqual([]);
    expect(of('1h', '1h')).toEqual([]);
    expect(of('999ms', '1h')).toEqual([
      ['rollout.checkEvery', "expected at least 1s, got '999ms'"],
    ]);
    expect(of('61m', '1h')).toEqual([
      ['rollout.checkEvery', expect.stringContaining("longer than the watch of '1h'")],
    ]);
    expect(of('1m')).toEqual([['rollout.checkEvery', expect.stringContaining('there is none')]]);
  });
});

describe('canary steps of a definition', () => {
  const told = (...steps: [number, string][]) =>
    rolloutContradictions(
      { steps: steps.map(([weightPercent, hold]) => ({ weightPercent, hold })) },
      NOW,
    ).map(({ path }) => path.join('.'));

  it('give the candidate more with each step, and may end with all of it', () => {
    expect(told([1, '1m'], [10, '10m'], [50, '1h'])).toEqual([]);
    expect(told([0.5, '1m'], [100, '1m'])).toEqual([]);
    expect(told([10, '1m'], [10, '1m'])).toEqual(['rollout.steps.1.weightPercent']);
    expect(told([10, '1m'], [50, '1m'], [20, '1m'])).toEqual(['rollout.steps.2.weightPercent']);
    expect(paths({ steps: [{ weightPercent: 101, hold: '1m' }] })).toContain(
      'rollout.steps[0].weightPercent',
    );
    expect(paths({ steps: [{ weightPercent: 0, hold: '1m' }] })).toContain(
      'rollout.steps[0].weightPercent',
    );
  });

  it('are held, or nothing would judge them', () => {
    expect(told([10, '0s'], [50, '1m'])).toEqual(['rollout.steps.0.hold']);
  });
});
