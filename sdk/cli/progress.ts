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
  startedAt,
  finishedAt,
  detail,
}: RunStatus['stages'][number]): string {
  const took =
    startedAt && finishedAt
      ? ` ${((finishedAt.getTime() - startedAt.getTime()) / 1000).toFixed(1)} s`
      : '';
  return `${SIGNS[state]} ${name} ${state}${took}${detail === undefined ? '' : `: ${detail}`}`;
}
