import type { Span, WindowSpans } from './contracts/windows.js';

/** When changes may be made: what is allowed less what is denied, in order of time, each as long as it gets. */
export function openingsOf({ from, until, allow, deny }: WindowSpans): Span[] {
  const openings: Span[] = [];
  let denied = 0;
  for (const allowed of allow ?? [{ from, until }]) {
    let start = allowed.from;
    while (denied < deny.length && isBefore((deny[denied] as Span).until, start)) denied += 1;
    for (let index = denied; index < deny.length; index += 1) {
      const closed = deny[index] as Span;
      if (!isBefore(closed.from, allowed.until)) break;
      if (isBefore(start, closed.from)) openings.push({ from: start, until: closed.from });
      start = closed.until;
    }
    if (isBefore(start, allowed.until)) openings.push({ from: start, until: allowed.until });
  }
  return openings;
}

/** Instants are compared as times: with and without milliseconds they are written differently. */
export const isBefore = (one: string, other: string): boolean =>
  Date.parse(one) < Date.parse(other);
