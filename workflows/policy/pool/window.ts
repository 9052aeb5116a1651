import { instantOf, type Issue, type Span } from './state.js';

const LONGEST_MS = 30 * 24 * 3_600_000;
/** Callers' clocks differ, and a request takes a moment. */
const LATE_MS = 60_000;
/** Instants of the contracts have years of four digits, also after a long line of windows. */
const LAST = Date.UTC(9_000, 0);

/** What is wrong with a window that is asked for. */
export function windowIssues({ from, until }: Span, at: number): Issue[] {
  const malformed = [...malformedIssue('from', from), ...malformedIssue('until', until)];
  if (malformed.length > 0) return malformed;
  return [
    ...issueWhen(
      from < at - LATE_MS,
      'from',
      `an instant that is not past at ${instantOf(at)}`,
      from,
    ),
    ...endIssues({ from, until }, at),
  ];
}

/** What is wrong with the end of a window. */
export function endIssues({ from, until }: Span, at: number): Issue[] {
  const malformed = malformedIssue('until', until);
  if (malformed.length > 0) return malformed;
  const after = Math.max(from, at);
  return [
    ...issueWhen(until <= after, 'until', `an instant after ${instantOf(after)}`, until),
    ...issueWhen(
      until - from > LONGEST_MS,
      'until',
      `at most 30 days after ${instantOf(from)}`,
      until,
    ),
  ];
}

function malformedIssue(path: string, ms: number): Issue[] {
  if (ms < LAST) return [];
  return [{ path, message: 'expected an ISO-8601 instant in UTC, before the year 9000' }];
}

const issueWhen = (wrong: boolean, path: string, expected: string, got: number): Issue[] =>
  wrong ? [{ path, message: `expected ${expected}, got ${instantOf(got)}` }] : [];
