import { digestOf } from '../digest.js';
import { durationMs } from '../duration.js';
import { LONGEST_SHADOW_MS } from '../shadow-defaults.js';
import type { Contradiction } from './rollout-contradictions.js';
import { shadowMetricProblem, type Measurable } from './shadow-metrics.js';
import type { ShadowCheck, ShadowPolicy } from './shadow.js';

/** A shadow window that nothing could pass, or nothing could fail. */
export function shadowContradictions(
  shadow: ShadowPolicy | undefined,
  of: Measurable,
): Contradiction[] {
  if (shadow === undefined) return [];
  return [...durationContradictions(shadow), ...shadowCheckContradictions(shadow.checks, of)].map(
    ({ path, message }) => ({ path: ['shadow', ...path], message }),
  );
}

function durationContradictions({ duration }: ShadowPolicy): Contradiction[] {
  const lasts = durationMs(duration);
  if (lasts === undefined || (lasts > 0 && lasts <= LONGEST_SHADOW_MS)) return [];
  const message = `expected more than 0s and at most 30d, got '${duration}'`;
  return [{ path: ['duration'], message }];
}

export function shadowCheckContradictions(
  checks: readonly ShadowCheck[],
  of: Measurable,
): Contradiction[] {
  const found = checks.flatMap((check, index) =>
    problemsOf(check, of).map(({ path, message }) => ({
      path: ['checks', index, ...path],
      message,
    })),
  );
  const digests = checks.map((check) => digestOf(check));
  digests.forEach((digest, index) => {
    const first = digests.indexOf(digest);
    if (first === index) return;
    found.push({ path: ['checks', index], message: `the same check as checks[${String(first)}]` });
  });
  if (checks.every(({ dryRun }) => dryRun === true)) {
    const message = 'every check is a dry run, so nothing decides and nothing can pass';
    found.push({ path: ['checks'], message });
  }
  return found;
}

function problemsOf({ metric, max }: ShadowCheck, of: Measurable): Contradiction[] {
  const unknown = shadowMetricProblem(metric, of);
  if (unknown !== null) return [{ path: ['metric'], message: unknown }];
  const found: Contradiction[] = [];
  if (max < 0) {
    const message = `can never pass: ${metric} is judged by its size, which is at least 0, got ${String(max)}`;
    found.push({ path: ['max'], message });
  }
  if (max >= 1 && /_rate(\[|$)/.test(metric)) {
    const message = `can never fail: a share is at most 1, got ${String(max)}`;
    found.push({ path: ['max'], message });
  }
  return found;
}
