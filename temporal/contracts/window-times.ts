import { Cron } from 'croner';
import { msOf } from '../duration.js';
import { openingsOf } from '../openings.js';
import type { RolloutPolicy, WindowSpec } from './rollout.js';
import type { Span, WindowSpans } from './windows.js';

export type Windows = NonNullable<RolloutPolicy['windows']>;

const DAY_MS = 24 * 60 * 60 * 1000;

/** How far ahead an opening is looked for, each time only when the one before has none. */
const HORIZONS_DAYS = [2, 14, 90, 400] as const;

/** An answer stands in a history, and croner takes 30 µs for each beginning of a window. */
export const MAX_BEGINNINGS = 5_000;

interface Stretch {
  from: number;
  until: number;
}

/**
 * The windows from an instant on, as far as it takes to find the next opening and at most 400 days. It ends sooner where the
 * windows begin more than 5,000 times until then, but never within two days.
 */
export function windowSpansFrom(windows: Windows, at: string): WindowSpans {
  const from = Date.parse(at);
  let spans: WindowSpans | null = null;
  for (const days of HORIZONS_DAYS) {
    const limit = spans === null ? Number.POSITIVE_INFINITY : MAX_BEGINNINGS;
    const further = spansWithin(windows, { from, until: from + days * DAY_MS }, limit);
    if (further === null) break;
    spans = further;
    if (openingsOf(spans).length > 0) break;
  }
  return spans as WindowSpans;
}

/** How often the windows begin in the two days after an instant, or the limit when that is less. */
export function beginsWithinTwoDays(windows: Windows, at: string): number {
  const from = Date.parse(at);
  const stretch = { from, until: from + HORIZONS_DAYS[0] * DAY_MS };
  const budget = { left: MAX_BEGINNINGS };
  for (const spec of [...(windows.allow ?? []), ...(windows.deny ?? [])]) {
    occurrences(spec, stretch, budget);
  }
  return MAX_BEGINNINGS - Math.max(budget.left, 0);
}

/** Why an expression names no time, or null. Both fields of days given: a day matches by either, as cron has it. */
export function timesProblem({ cron, timezone }: WindowSpec, at: string): string | null {
  try {
    return timesOf(cron, timezone).nextRun(new Date(at)) === null
      ? 'expected an expression that names a time; this one never comes'
      : null;
  } catch (error) {
    return `expected another form of the expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function spansWithin(windows: Windows, stretch: Stretch, limit: number): WindowSpans | null {
  const budget = { left: limit };
  const covered = (specs: WindowSpec[]): Span[] =>
    merged(specs.flatMap((spec) => occurrences(spec, stretch, budget))).map(spanOf);
  const allow = windows.allow === undefined ? null : covered(windows.allow);
  const deny = covered(windows.deny ?? []);
  return budget.left < 0 ? null : { ...spanOf(stretch), allow, deny };
}

/** One that began before the stretch and still lasts belongs to it. Durations are elapsed time, whatever the clocks do. */
function occurrences(
  { cron, duration, timezone }: WindowSpec,
  { from, until }: Stretch,
  budget: { left: number },
): Stretch[] {
  const lasts = msOf(duration);
  const times = timesOf(cron, timezone);
  const found: Stretch[] = [];
  let begins = times.nextRun(new Date(from - lasts));
  while (begins !== null && begins.getTime() < until && budget.left >= 0) {
    budget.left -= 1;
    const start = begins.getTime();
    found.push({ from: Math.max(start, from), until: Math.min(start + lasts, until) });
    begins = times.nextRun(begins);
  }
  return found;
}

function merged(stretches: Stretch[]): Stretch[] {
  const result: Stretch[] = [];
  for (const next of stretches.toSorted((one, other) => one.from - other.from)) {
    const last = result.at(-1);
    if (last === undefined || last.until < next.from) result.push({ ...next });
    else last.until = Math.max(last.until, next.until);
  }
  return result;
}

const timesOf = (cron: string, timezone = 'UTC'): Cron =>
  new Cron(cron, { timezone, mode: '5-part' });

const spanOf = ({ from, until }: Stretch): Span => ({
  from: new Date(from).toISOString(),
  until: new Date(until).toISOString(),
});
