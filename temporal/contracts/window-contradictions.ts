import { cronProblem } from '../cron.js';
import { durationMs } from '../duration.js';
import { openingsOf } from '../openings.js';
import type { Contradiction } from './rollout-contradictions.js';
import type { RolloutPolicy, WindowSpec } from './rollout.js';
import { isTimezone } from './schedule.js';
import {
  MAX_BEGINNINGS,
  beginsWithinTwoDays,
  timesProblem,
  windowSpansFrom,
  type Windows,
} from './window-times.js';

const MINUTE_MS = 60_000;
const LONGEST_MS = 31 * 24 * 60 * MINUTE_MS;

/** Windows that cannot be reckoned with, and windows in which no change could ever be made. */
export function windowContradictions({ windows }: RolloutPolicy, now: string): Contradiction[] {
  if (windows === undefined) return [];
  if (windows.allow?.length === 0) {
    const message =
      'an empty list allows no time, so no rollout would ever start; name a window or leave it out';
    return [{ path: ['windows', 'allow'], message }];
  }
  const wrong = (['allow', 'deny'] as const).flatMap((list) =>
    (windows[list] ?? []).flatMap((spec, index) =>
      problemsOf(spec, now).map(({ path, message }) => ({
        path: ['windows', list, index, ...path],
        message,
      })),
    ),
  );
  if (wrong.length > 0 || !isReadable(windows)) return wrong;
  return neverOpen(windows, now);
}

function problemsOf(spec: WindowSpec, now: string): Contradiction[] {
  const found: Contradiction[] = [];
  const lasts = durationMs(spec.duration);
  if (lasts !== undefined && (lasts < MINUTE_MS || lasts > LONGEST_MS)) {
    found.push({ path: ['duration'], message: `expected 1m to 31d, got '${spec.duration}'` });
  }
  const times = isReadableSpec(spec) ? timesProblem(spec, now) : null;
  if (times !== null) found.push({ path: ['cron'], message: times });
  return found;
}

/** Whole definitions are judged also when one field is wrong already; what that is, its own contract says. */
const isReadable = ({ allow = [], deny = [] }: Windows): boolean =>
  [...allow, ...deny].every(isReadableSpec);

const isReadableSpec = ({ cron, duration, timezone = 'UTC' }: WindowSpec): boolean =>
  cronProblem(cron) === null && isTimezone(timezone) && durationMs(duration) !== undefined;

function neverOpen(windows: Windows, now: string): Contradiction[] {
  if (beginsWithinTwoDays(windows, now) >= MAX_BEGINNINGS) {
    const message = `expected windows that begin fewer than ${String(MAX_BEGINNINGS)} times in two days; name fewer or longer ones`;
    return [{ path: ['windows'], message }];
  }
  const spans = windowSpansFrom(windows, now);
  if (openingsOf(spans).length > 0) return [];
  const until = spans.until.slice(0, 10);
  return spans.allow?.length === 0
    ? [{ path: ['windows', 'allow'], message: `no window opens before ${until}` }]
    : [{ path: ['windows', 'deny'], message: `denies all that is allowed until ${until}` }];
}
