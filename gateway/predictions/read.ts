import { lastLinesOf, linesOf, type Segment } from './segment.js';

export interface InstantRange {
  /** Inclusive. ISO-8601 in UTC with milliseconds, as the log writes it: such instants compare as strings. */
  from: string;
  /** Exclusive. */
  until: string;
}

/** From a request's answer to its line in a file: a copy's time, the flush, and a disk that is slow. */
const LONGEST_LAG_MS = 300_000;
const OPENING = '{"at":"';
const INSTANT_LENGTH = '2026-01-01T00:00:00.000Z'.length;

/** The lines of the range, those of a chunk of a file at a time. */
export async function* inRange(
  segments: readonly Segment[],
  { from, until }: InstantRange,
): AsyncGenerator<string> {
  const [fromMs, untilMs] = [Date.parse(from), Date.parse(until)];
  const overlapping = segments
    .filter(({ startMs, endMs }) => endMs >= fromMs && startMs <= untilMs + LONGEST_LAG_MS)
    .map((segment) => ({ ...segment }));
  for (const segment of overlapping) {
    for await (const lines of linesOf(segment)) {
      const found = lines.filter((line) => {
        const at = instantOf(line);
        return at !== undefined && at >= from && at < until;
      });
      if (found.length > 0) yield `${found.join('\n')}\n`;
    }
  }
}

/** The newest by the instant of their answers among the newest lines, oldest first. */
export async function newestOf(segments: readonly Segment[], count: number): Promise<string[]> {
  let newest: string[] = [];
  for (const segment of segments.toReversed()) {
    if (newest.length >= count) break;
    newest = [...(await lastLinesOf(segment, count - newest.length)), ...newest];
  }
  const whole = newest.filter((line) => instantOf(line) !== undefined);
  return whole.sort((a, b) => (a.slice(0, INSTANT_END) < b.slice(0, INSTANT_END) ? -1 : 1));
}

const INSTANT_END = OPENING.length + INSTANT_LENGTH;

/** Undefined for a line that is none of this log, after a power cut for one. */
function instantOf(line: string): string | undefined {
  return line.startsWith(OPENING) && line.endsWith('}')
    ? line.slice(OPENING.length, INSTANT_END)
    : undefined;
}
