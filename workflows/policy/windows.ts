import type { WindowSpans } from '../../temporal/contracts/windows.js';
import { isBefore, openingsOf } from '../../temporal/openings.js';

export type WindowState =
  /** `until`: null where the spans end before it closes. */
  | { open: true; until: string | null }
  /** `nextOpening`: null where the spans have none; ask again at their end. */
  | { open: false; nextOpening: string | null; because: string };

/** Whether a change may be made at an instant. Deny beats allow, and outside of what the spans know everything is closed. */
export function windowAt(spans: WindowSpans, at: string): WindowState {
  if (isBefore(at, spans.from) || !isBefore(at, spans.until)) {
    const because = `the change windows are known from ${spans.from} to ${spans.until} only`;
    return { open: false, nextOpening: null, because };
  }
  const next = openingsOf(spans).find(({ until }) => isBefore(at, until));
  if (next !== undefined && !isBefore(at, next.from)) {
    return { open: true, until: isBefore(next.until, spans.until) ? next.until : null };
  }
  const nextOpening = next?.from ?? null;
  return { open: false, nextOpening, because: closedBecause(spans, at, nextOpening) };
}

function closedBecause(spans: WindowSpans, at: string, nextOpening: string | null): string {
  const denied = spans.deny.find(({ from, until }) => !isBefore(at, from) && isBefore(at, until));
  if (denied === undefined) return `no allowed window until ${nextOpening ?? spans.until}`;
  return `denied until ${denied.until}`;
}
