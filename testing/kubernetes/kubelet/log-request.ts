import type { LogLine } from './container-log.js';

/** What a request for a container's log asks for. */
export interface LogRequest {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines: number;
  limitBytes: number;
  /** Epoch milliseconds. */
  since: number;
}

export function logRequestOf(query: URLSearchParams, now: number): LogRequest {
  const flag = (name: string): boolean => ['true', '1'].includes(query.get(name) ?? '');
  const count = (name: string): number => Number(query.get(name) ?? Infinity);
  const sinceTime = query.get('sinceTime');
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    tailLines: count('tailLines'),
    limitBytes: count('limitBytes'),
    since: sinceTime === null ? now - count('sinceSeconds') * 1_000 : Date.parse(sinceTime),
  };
}

/** What of each line belongs into one answer; undefined when nothing more of any does. */
export function createLogWindow(asked: LogRequest): (line: LogLine) => Buffer | undefined {
  let left = asked.limitBytes;
  return ({ at, text }) => {
    if (left <= 0) return undefined;
    if (at < asked.since) return Buffer.alloc(0);
    const time = asked.timestamps ? `${new Date(at).toISOString().replace('Z', '000000Z')} ` : '';
    const shown = Buffer.concat([Buffer.from(time), text]);
    const whole = shown.subarray(0, Math.min(left, shown.length));
    left -= whole.length;
    return whole;
  };
}

export const tailOf = (lines: readonly LogLine[], { tailLines }: LogRequest): readonly LogLine[] =>
  lines.slice(Math.max(0, lines.length - tailLines));
