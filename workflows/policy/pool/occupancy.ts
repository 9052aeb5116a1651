import type { Span } from './state.js';

/** Where at least `count` of the windows meet, in order and apart from each other. */
export function crowded(windows: readonly Span[], count: number): Span[] {
  const changes = windows
    .filter(({ from, until }) => from < until)
    .flatMap(({ from, until }) => [
      { at: from, by: 1 },
      { at: until, by: -1 },
    ])
    // Beginnings first, so that a window that follows on another leaves no gap; what they share is no time at all.
    .sort((a, b) => a.at - b.at || b.by - a.by);
  const spans: Span[] = [];
  let held = 0;
  let since: number | null = null;
  for (const { at, by } of changes) {
    held += by;
    if (held >= count) since ??= at;
    else if (since !== null) {
      if (since < at) spans.push({ from: since, until: at });
      since = null;
    }
  }
  return spans;
}

/** The earliest window of that length, at `from` or later, that meets no full span. */
export function earliestFit(full: readonly Span[], from: number, length: number): Span {
  let start = from;
  for (const span of full) {
    if (span.from >= start + length) break;
    if (span.until > start) start = span.until;
  }
  return { from: start, until: start + length };
}

export const meet = (one: Span, other: Span): boolean =>
  one.from < other.until && other.from < one.until;
