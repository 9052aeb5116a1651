import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from '../api.js';
import type { Pod } from './pod.js';

/** What happens to the pods of a node. */
export interface PodEvents {
  /** A pod as it is now; may be told again of the same. */
  seen: (pod: Pod) => void;
  /** Pods that are not among these are gone. */
  only: (uids: ReadonlySet<string>) => void;
  gone: (pod: Pod) => void;
}

interface PodList {
  metadata: { resourceVersion: string };
  items: Pod[];
}

interface WatchEvent {
  type: string;
  object: Pod & { message?: string };
}

const TRY_AGAIN_MS = 200;

/** Tells of the pods that are bound to a node until `stopped`, through every end of a watch. */
export async function watchPods(
  api: KubernetesApi,
  node: string,
  { events, stopped }: { events: PodEvents; stopped: AbortSignal },
): Promise<void> {
  const selector = `fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`;
  while (!stopped.aborted) {
    try {
      const { items, metadata } = await api.get<PodList>(`/api/v1/pods?${selector}`);
      events.only(new Set(items.map(({ metadata: { uid } }) => uid)));
      items.forEach(events.seen);
      const from = `resourceVersion=${metadata.resourceVersion}`;
      await follow(await api.open(`/api/v1/pods?watch=1&${from}&${selector}`, stopped), events);
    } catch {
      await delay(TRY_AGAIN_MS, undefined, { signal: stopped }).catch(() => undefined);
    }
  }
}

async function follow(answer: IncomingMessage, events: PodEvents): Promise<void> {
  answer.setEncoding('utf8');
  let rest = '';
  for await (const chunk of answer) {
    const lines = `${rest}${String(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) tell(JSON.parse(line) as WatchEvent, events);
  }
}

function tell({ type, object }: WatchEvent, events: PodEvents): void {
  // The watch is too old, or the server cannot go on with it: begun anew from a list.
  if (type === 'ERROR') throw new Error(object.message);
  if (type === 'DELETED') events.gone(object);
  else events.seen(object);
}
