import type { FencedRoute } from '../../temporal/contracts/route.js';
import { sha256Hex } from '../../temporal/digest.js';
import { parseModelId } from '../../temporal/ids.js';
import type { KeptHost } from '../hosting/port.js';
import type { Aliases } from '../registry/port.js';

export interface Listing {
  tags: readonly string[];
  routes: readonly FencedRoute[];
  /** null: not known. */
  aliases: readonly (Aliases & { tag: string })[] | null;
  hosts: readonly KeptHost[];
}

const HOUR_MS = 3_600_000;
const STEPS = 0x1_0000_0000;

/**
 * Tags that a look at the listings alone cannot clear: route and champion disagree, something is in flight, or a host is kept
 * that the route does not name. Everything that a run which was ended by force leaves of a tag is among that.
 */
export function suspects({ routes, aliases, hosts }: Omit<Listing, 'tags'>): Set<string> {
  const byTag = new Map(routes.map((route) => [route.tag, route]));
  const found = new Set<string>();
  for (const { tag, champion, challenger } of aliases ?? []) {
    const live = byTag.get(tag)?.route.live ?? null;
    const routed = live === null ? null : parseModelId(live.modelId).version;
    if (routed !== champion || challenger !== null) found.add(tag);
  }
  const shown = new Set((aliases ?? []).map(({ tag }) => tag));
  for (const { tag, route } of routes) {
    const unshown = aliases !== null && route.live !== null && !shown.has(tag);
    if (route.canary || route.mirror || unshown) found.add(tag);
  }
  const previous = new Map((aliases ?? []).map(({ tag, ...held }) => [tag, held.previous]));
  for (const { name, modelId } of hosts) {
    const { tag, version } = parseModelId(modelId);
    // The previous model is kept warm for hours or days, and is no reason to look every half minute.
    if (byTag.get(tag)?.route.live?.host !== name && previous.get(tag) !== version) found.add(tag);
  }
  return found;
}

/** The tags whose minute of the hour it is: sweeps `everyMs` apart come round to each tag once an hour. */
export function due(
  tags: readonly string[],
  { atMs, everyMs }: { atMs: number; everyMs: number },
): string[] {
  if (everyMs >= HOUR_MS) return [...tags];
  const end = atMs % HOUR_MS;
  return tags.filter((tag) => {
    const own = (Number.parseInt(sha256Hex(tag).slice(0, 8), 16) / STEPS) * HOUR_MS;
    return (end - own + HOUR_MS) % HOUR_MS < everyMs;
  });
}
