import type { Api } from './api.js';
import { MAIN, TRAIN } from './containers.js';
import { lastBytes } from './ending.js';
import type { PodFacts } from './pods.js';

/** Short lines are the rule; of longer ones more is read than is wanted. */
const BYTES_PER_LINE = 8;
const LINES = { least: 100, most: 5_000 } as const;

/** The last bytes of what the job printed: of the container that failed, else of those a team looks for. */
export async function readLog(
  api: Api,
  { namespace, pod }: { namespace: string; pod: PodFacts },
  tailBytes: number,
): Promise<string> {
  const lines = Math.ceil(tailBytes / BYTES_PER_LINE);
  const bounded = Math.min(LINES.most, Math.max(LINES.least, lines));
  const texts = await Promise.all(
    told(pod).map((container) => api.tail({ namespace, name: pod.name }, container, bounded)),
  );
  return lastBytes(texts.join(''), tailBytes);
}

function told({ ended, begun }: PodFacts): string[] {
  if (ended !== undefined && ended.exitCode !== 0) return [ended.container];
  const named = begun.filter((container) => container === MAIN || container === TRAIN);
  return named.length > 0 ? named : begun.slice(-1);
}
