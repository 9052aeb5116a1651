import type { RunStatus } from '../types.js';

const SIGNS: Record<RunStatus['stages'][number]['state'], string> = {
  pending: '·',
  running: '▶',
  waiting: '⏸',
  done: '✔',
  skipped: '–',
  failed: '✘',
};

/** One line per stage that changed, so that progress reads the same on a terminal and in a log. */
export async function follow(
  statuses: AsyncIterable<RunStatus>,
  write: (line: string) => void,
): Promise<void> {
  const told = new Map<string, string>();
  for await (const status of statuses) {
    for (const stage of status.stages) {
      const line = stageLine(stage);
      if (stage.state === 'pending' || told.get(stage.name) === line) continue;
      told.set(stage.name, line);
      write(line);
    }
  }
}

export function stageLine({
  name,
  state,
  workedMs,
  waitedMs,
  detail,
}: RunStatus['stages'][number]): string {
  const waited = waitedMs === undefined ? '' : `, waited ${seconds(waitedMs)}`;
  const took = workedMs === undefined ? '' : ` ${seconds(workedMs)}${waited}`;
  return `${SIGNS[state]} ${name} ${state}${took}${detail === undefined ? '' : `: ${detail}`}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
