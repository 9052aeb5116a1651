import { durationMs } from '../duration.js';
import { liveCheckContradictions } from './live-check-contradictions.js';
import type { RolloutPolicy } from './rollout.js';
import { windowContradictions } from './window-contradictions.js';

export interface Contradiction {
  path: (string | number)[];
  message: string;
}

/** What no rollout could follow. `now`: windows have to open within 400 days of it. */
export function rolloutContradictions(rollout: RolloutPolicy, now: string): Contradiction[] {
  return [
    ...stepContradictions(rollout),
    ...checkEveryContradictions(rollout),
    ...liveCheckContradictions(rollout),
    ...windowContradictions(rollout, now),
  ].map(({ path, message }) => ({ path: ['rollout', ...path], message }));
}

function stepContradictions({ steps = [] }: RolloutPolicy): Contradiction[] {
  return steps.flatMap(({ weightPercent, hold }, index) => {
    const found: Contradiction[] = [];
    const before = steps[index - 1]?.weightPercent ?? 0;
    if (weightPercent <= before) {
      const message = `expected more than the ${String(before)} % of the step before, got ${String(weightPercent)}`;
      found.push({ path: ['steps', index, 'weightPercent'], message });
    }
    if (durationMs(hold) === 0) {
      const message = 'a step that is not held is judged by nothing; expected more than 0s';
      found.push({ path: ['steps', index, 'hold'], message });
    }
    return found;
  });
}

function checkEveryContradictions({ checkEvery, watch }: RolloutPolicy): Contradiction[] {
  if (checkEvery === undefined) return [];
  const [every, watched] = [durationMs(checkEvery), durationMs(watch ?? '0s')];
  if (every === undefined || watched === undefined) return [];
  const path = ['checkEvery'];
  if (every < 1000) return [{ path, message: `expected at least 1s, got '${checkEvery}'` }];
  if (every <= watched) return [];
  const message =
    watched === 0
      ? 'paces the checks of the watch, and there is none; set rollout.watch or leave it out'
      : `'${checkEvery}' is longer than the watch of '${String(watch)}', so nothing would be judged in it`;
  return [{ path, message }];
}
