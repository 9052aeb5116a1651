import { digestOf } from '../digest.js';
import { durationMs } from '../duration.js';
import type { Contradiction } from './rollout-contradictions.js';
import type { LiveCheck, RolloutPolicy } from './rollout.js';

/** Checks that nothing judges, or that no traffic could pass or fail. */
export function liveCheckContradictions({
  checks = [],
  steps = [],
  watch,
}: RolloutPolicy): Contradiction[] {
  const found = checks.flatMap((check, index) =>
    problemsOf(check).map(({ path, message }) => ({ path: ['checks', index, ...path], message })),
  );
  const digests = checks.map((check) => digestOf(check));
  digests.forEach((digest, index) => {
    const first = digests.indexOf(digest);
    if (first === index) return;
    const message = `the same check as rollout.checks[${String(first)}]`;
    found.push({ path: ['checks', index], message });
  });
  if (checks.length > 0 && steps.length === 0 && durationMs(watch ?? '0s') === 0) {
    const message = 'without rollout.steps and rollout.watch nothing ever judges them; set one';
    found.push({ path: ['checks'], message });
  }
  return found;
}

function problemsOf({ metric, max, minSamples }: LiveCheck): Contradiction[] {
  const found: Contradiction[] = [];
  const wrong = (field: string, message: string): number => found.push({ path: [field], message });
  switch (metric) {
    case 'error_rate':
      if (max !== undefined && max < 0)
        wrong('max', `can never pass: a share is at least 0, got ${String(max)}`);
      if (max !== undefined && max >= 1)
        wrong('max', `can never fail: a share is at most 1, got ${String(max)}`);
      break;
    case 'latency_p95_ms':
    case 'latency_p99_ms':
      if (max !== undefined && max <= 0)
        wrong('max', `can never pass: a latency is more than 0 ms, got ${String(max)}`);
      break;
    default:
      if (minSamples !== undefined && minSamples > 1)
        wrong('minSamples', `can never pass: '${metric}' of the registry is one sample`);
  }
  return found;
}
